"""Position interpolation: rotary embedding with positions squeezed into the range that was trained.

Chen et al. 2023 (arXiv 2306.15595, equation 4). Published for a model that was trained without it and then tuned; here
a model has one factor from its first step on.
"""

from typing import Annotated

import flax.linen as nn

from posbench.encodings import rotary
from posbench.encodings.parts import spectra
from posbench.knobs import Range


class Encoding(rotary.Encoding):
    """Rotary at the angle pos * omega / factor."""

    factor: Annotated[float, Range(min=1)] = 8.0

    @nn.nowrap
    def spectrum(self, width, aux=None):
        return spectra.linear(self.theta, width, self.factor), 1.0
