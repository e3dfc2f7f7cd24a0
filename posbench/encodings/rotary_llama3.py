"""Llama 3.1's scaling: pairs with short periods keep their frequency, those with long ones are divided by a factor.

Grattafiori et al. 2024 (arXiv 2407.21783); the rule is that of Meta's code (`apply_scaling` of llama-models).
"""

from typing import Annotated

import flax.linen as nn

from posbench.encodings import rotary
from posbench.encodings.parts import spectra
from posbench.knobs import Range


class Encoding(rotary.Encoding):
    """Rotary at omega for pairs that turn more than `high_turns` times within `original_length`, at omega / factor for
    those that turn less than `low_turns` times, and at a mean of both in between, weighted by the turns.

    Meta calls the two limits high_freq_factor and low_freq_factor, and has original_length = 8192; here it is the
    training length of the default config.
    """

    theta: rotary.Theta = 500_000.0
    factor: Annotated[float, Range(min=1)] = 8.0
    original_length: Annotated[int, Range(min=1)] = 128
    low_turns: Annotated[float, Range(above=0)] = 1.0
    high_turns: Annotated[float, Range(above=0)] = 4.0

    @nn.nowrap
    def spectrum(self, width, aux=None):
        rule = (self.factor, self.original_length, self.low_turns, self.high_turns)
        return spectra.llama3(self.theta, width, *rule), 1.0
