"""p-RoPE: only the fastest pairs are turned, the rest carries content alone.

Barbero et al. 2024 (arXiv 2410.06205, section 6.2); "proportional" on Hugging Face, with 0.25 in Gemma 4.
"""

from typing import Annotated

import flax.linen as nn

from posbench.encodings import rotary
from posbench.encodings.parts import spectra
from posbench.knobs import Range


class Encoding(rotary.Encoding):
    """Rotary at omega for the floor(kept * d / 2) fastest of the d/2 pairs, at 0 for the others.

    The kept ones have the frequencies of a whole head, unlike those of `fraction`: 1 keeps rotary, 0 is no encoding.
    """

    kept: Annotated[float, Range(min=0, max=1)] = 0.75

    @nn.nowrap
    def spectrum(self, width, aux=None):
        return spectra.proportional(self.theta, width, self.kept), 1.0
