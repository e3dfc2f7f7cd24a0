"""Li et al. 2026: a cosine window over the last pairs, as in the authors' `modeling_cope.py`, or zeros."""

import math

from tests.encodings.oracles import rotary

WIDTH = 16
# The second of three pairs completes no turn within 100 tokens, but half of one, and one within 128.
SETTINGS = [
    {},
    dict(slowest=3, layout='interleaved'),
    dict(original_length=100, window='hard', fraction=0.8, theta=5000.0),
    dict(slowest=99, theta=100_000.0),
    dict(slowest=1),
]
OTHER = rotary.OTHER | {'slowest': (3, {}), 'original_length': (16, {}), 'window': ('hard', {})}


class Oracle(rotary.Oracle):
    def frequency(self, c, width):
        plain, pairs, count = super().frequency(c, width), width // 2, self.options['slowest']
        if count is None:
            periods = [2 * math.pi / super(Oracle, self).frequency(other, width) for other in range(pairs)]
            count = sum(period > self.options['original_length'] for period in periods)
        count = min(count, pairs)
        number = c - (pairs - count)
        if number < 0:
            return plain
        if self.options['window'] == 'hard':
            return 0.0
        return plain * (1 + math.cos(math.pi * number / max(count - 1, 1))) / 2
