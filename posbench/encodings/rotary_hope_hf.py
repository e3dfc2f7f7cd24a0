"""HoPE, high-frequency rotary embedding: a pair that completes no turn in training is not turned at all.

Chen et al. 2024 (arXiv 2410.21216). The paper's abstract says that it keeps the high frequencies alone; that the limit
is one period of the training length is the reading of two independent implementations. (The HoPE of vision-language
models and the hyperbolic one are other encodings.)
"""

from typing import Annotated

import flax.linen as nn

from posbench.encodings import rotary
from posbench.encodings.parts import spectra
from posbench.knobs import Range


class Encoding(rotary.Encoding):
    """Rotary at omega where 2 pi / omega <= original_length, at 0 elsewhere.

    `original_length` is by default the training length of the default config.
    """

    original_length: Annotated[int, Range(min=7)] = 128

    @nn.nowrap
    def spectrum(self, width, aux=None):
        return spectra.hope_hf(self.theta, width, self.original_length), 1.0
