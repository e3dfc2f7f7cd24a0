"""YaRN: fast pairs keep their frequency, slow ones are interpolated, and logits grow a little.

Peng et al. 2024 (arXiv 2309.00071). NTK-by-parts (section 3.2) is YaRN with `attention_factor=1`.
"""

from typing import Annotated, Literal

import flax.linen as nn

from posbench.encodings import rotary
from posbench.encodings.parts import spectra
from posbench.knobs import Range


class Encoding(rotary.Encoding):
    """Rotary at frequencies between omega / factor and omega, by the turns of a pair; q and k times m.

    Pairs that turn more than `beta_fast` times within `original_length` (by default the training length of the default
    config) keep omega, those that turn less than `beta_slow` times get omega / factor, with a ramp in between. In the
    authors' code and all that followed it is linear in the number of the pair, `ramp='pairs'`, with ends at whole pairs
    if `truncate`; in the paper (equations 18 and 19) it is linear in the turns, `ramp='turns'`, as in Llama 3.

    m = 0.1 ln(factor) + 1, so that logits are multiplied by m^2. Another m is either `attention_factor`, or the one of
    DeepSeek-V2, (0.1 mscale ln(factor) + 1) / (0.1 mscale_all_dim ln(factor) + 1), if both are given. (DeepSeek's own
    attention also scales its logits by the square of the denominator.)
    """

    theta: Annotated[float, Range(above=1)] = 10_000.0
    factor: Annotated[float, Range(min=1)] = 8.0
    original_length: Annotated[int, Range(min=1)] = 128
    beta_fast: Annotated[float, Range(above=0)] = 32.0
    beta_slow: Annotated[float, Range(above=0)] = 1.0
    ramp: Literal['pairs', 'turns'] = 'pairs'
    truncate: bool = True
    attention_factor: Annotated[float, Range(above=0)] | None = None
    mscale: Annotated[float, Range(above=0)] | None = None
    mscale_all_dim: Annotated[float, Range(above=0)] | None = None

    # Queries and keys grow by m.
    @property
    def neutral_at_zero(self):
        return self.attention() == 1.0

    @nn.nowrap
    def attention(self) -> float:
        """m, the factor of queries and of keys."""
        if (self.mscale is None) != (self.mscale_all_dim is None):
            raise ValueError(
                f'rotary_yarn: got mscale={self.mscale}, mscale_all_dim={self.mscale_all_dim}; wanted both or neither.'
            )
        if self.attention_factor is not None:
            return self.attention_factor
        if self.mscale is not None:
            above, below = (spectra.attention_scale(self.factor, slope) for slope in (self.mscale, self.mscale_all_dim))
            return above / below
        return spectra.attention_scale(self.factor)

    @nn.nowrap
    def spectrum(self, width, aux=None):
        rule = (self.theta, width, self.factor, self.original_length)
        if self.ramp == 'turns':
            return spectra.llama3(*rule, self.beta_slow, self.beta_fast), self.attention()
        return spectra.yarn(*rule, self.beta_fast, self.beta_slow, self.truncate)[0], self.attention()
