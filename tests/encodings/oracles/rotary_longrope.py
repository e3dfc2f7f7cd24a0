"""Ding et al. 2024, equation 2: theta_c / lambda_c; the factor is that of Phi-3's modelling code."""

import math

from tests.encodings.oracles import rotary

WIDTH = 16
SETTINGS = [
    {},
    dict(original_length=20, short=(1.0, 1.5, 2.0, 2.5), long=(1.0, 2.0, 3.0, 9.0)),
    dict(original_length=400, short=(1.0, 1.2, 3.0), factor=2.0),
    # Twelve tokens are one too many.
    dict(original_length=11, long=(2.0,), theta=100_000.0, layout='interleaved', fraction=0.5),
]
OTHER = rotary.OTHER | {
    'factor': (2.0, {}),
    'original_length': (2000, {}),
    'short': ((2.0,), dict(original_length=2000)),
    'long': ((2.0,), {}),
}


class Oracle(rotary.Oracle):
    def logits(self, s):
        self.length = max(s.pos_k_M) - min(s.pos_k_M) + 1
        return super().logits(s)

    def frequency(self, c, width):
        table = self.options['long' if self.length > self.options['original_length'] else 'short']
        return super().frequency(c, width) / at(table, c, width // 2)

    def factor(self):
        s = self.options['factor']
        return math.sqrt(1 + math.log(s) / math.log(self.options['original_length']))


def at(table, c, pairs):
    """Entry c of a table stretched to so many pairs, linearly between its first and its last number."""
    place = c * (len(table) - 1) / (pairs - 1)
    below = min(math.floor(place), max(len(table) - 2, 0))
    above = min(below + 1, len(table) - 1)
    return table[below] + (place - below) * (table[above] - table[below])
