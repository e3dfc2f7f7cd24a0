"""NTK-aware scaling: rotary embedding with a larger base, so that fast pairs keep their frequency.

bloc97 2023 ("NTK-Aware Scaled RoPE", r/LocalLLaMA); Peng et al. 2024 (arXiv 2309.00071, section 3.1).
"""

from typing import Annotated

import flax.linen as nn

from posbench.encodings import rotary
from posbench.encodings.parts import spectra
from posbench.knobs import Range


class Encoding(rotary.Encoding):
    """Rotary with the base theta * factor^(d/(d - 2)): the slowest of the d/2 pairs turns 1/factor as fast."""

    factor: Annotated[float, Range(min=1)] = 8.0

    @nn.nowrap
    def spectrum(self, width, aux=None):
        return spectra.ntk(self.theta, width, self.factor), 1.0
