"""Wang et al. 2024, section 2.1, and the interleaving of Qwen3-VL: which coordinate turns a pair, pair by pair."""

import cmath
import math

from tests.encodings import oracles

WIDTH = 32
SETTINGS = [
    {},
    dict(theta=50.0, sections=(30, 20, 14), interleaved=True, layout='interleaved'),
    dict(theta=50.0, sections=(1, 2, 1)),
]
OTHER = {
    'theta': (500.0, {}),
    'sections': ((2, 1, 1), {}),
    'interleaved': (True, {}),
    'layout': ('interleaved', {}),
}


class Oracle(oracles.Oracle):
    def axis(self, c, pairs):
        shares = [sum(self.options['sections'][: n + 1]) / sum(self.options['sections']) for n in range(3)]
        ends = [math.floor(share * pairs + 0.5) for share in shares]
        if self.options['interleaved']:
            turn, axis = divmod(c, 3)
            return axis if axis and turn < ends[axis] - ends[axis - 1] else 0
        return next(axis for axis in range(3) if c < ends[axis])

    def logit(self, h, q_K, k_K, i, j):
        width, total = len(q_K), 0.0
        for c in range(width // 2):
            a, b = (c, c + width // 2) if self.options['layout'] == 'half' else (2 * c, 2 * c + 1)
            axis = self.axis(c, width // 2)
            turn = cmath.exp(1j * (i[axis] - j[axis]) / self.options['theta'] ** (2 * c / width))
            total += (complex(q_K[a], q_K[b]) * complex(k_K[a], k_K[b]).conjugate() * turn).real
        return total / math.sqrt(width)
