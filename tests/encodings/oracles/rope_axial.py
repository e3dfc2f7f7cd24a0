"""Heo et al. 2024, equations 4 and 5: pairs as complex numbers, half of them for each axis."""

import cmath
import math

from tests.encodings import oracles

WIDTH = 20
SETTINGS = [{}, dict(theta=10.0, layout='half')]
OTHER = {'theta': (500.0, {}), 'layout': ('half', {})}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        width, total = len(q_K), 0.0
        rows = math.ceil(width / 4)
        for c in range(width // 2):
            a, b = (c, c + width // 2) if self.options['layout'] == 'half' else (2 * c, 2 * c + 1)
            axis, number, of = (0, c, rows) if c < rows else (1, c - rows, width // 2 - rows)
            turn = cmath.exp(1j * (i[axis] - j[axis]) / self.options['theta'] ** (number / of))
            total += (complex(q_K[a], q_K[b]) * complex(k_K[a], k_K[b]).conjugate() * turn).real
        return total / math.sqrt(width)
