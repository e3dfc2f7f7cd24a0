"""Wertheimer et al. 2026: the first pairs turn from one radian a token down to so many turns in training."""

import math

from tests.encodings.oracles import rotary

WIDTH = 24
SETTINGS = [{}, dict(share=0.84, original_length=200, slowest_turns=2.0, layout='interleaved')]
OTHER = {
    'layout': ('interleaved', {}),
    'share': (1.0, {}),
    'original_length': (1000, {}),
    'slowest_turns': (4.0, {}),
}


class Oracle(rotary.Oracle):
    def frequency(self, c, width):
        pairs = math.floor(self.options['share'] * width / 2)
        if c >= pairs:
            return 0.0
        slowest = 2 * math.pi * self.options['slowest_turns'] / self.options['original_length']
        return math.exp(math.log(slowest) * c / (pairs - 1))
