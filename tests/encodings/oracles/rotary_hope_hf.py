"""Chen et al. 2024: positions for the pairs that complete a turn in training, none for the others."""

import math

from tests.encodings.oracles import rotary

WIDTH = 16
# The second of four pairs completes no turn within 50 tokens, but half of one; the second of three turns in 400.
SETTINGS = [
    {},
    dict(original_length=50, layout='interleaved'),
    dict(original_length=400, theta=100_000.0, fraction=0.8),
]
OTHER = rotary.OTHER | {'original_length': (1000, {})}


class Oracle(rotary.Oracle):
    def frequency(self, c, width):
        plain = super().frequency(c, width)
        return plain if plain >= 2 * math.pi / self.options['original_length'] else 0.0
