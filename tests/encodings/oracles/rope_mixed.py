"""Heo et al. 2024, equation 6: pairs as complex numbers, turned by theta^x p^x + theta^y p^y."""

import cmath
import math

from tests.encodings import oracles

WIDTH = 32
SETTINGS = [{}]
OTHER = {'theta': (100.0, {})}
UNCOMPARED = {'theta'}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        total, f = 0.0, self.weights['frequencies']
        for c in range(len(q_K) // 2):
            angle = (i[0] - j[0]) * f[0, h, c] + (i[1] - j[1]) * f[1, h, c]
            q, k = complex(q_K[2 * c], q_K[2 * c + 1]), complex(k_K[2 * c], k_K[2 * c + 1])
            total += (q * k.conjugate() * cmath.exp(1j * angle)).real
        return total / math.sqrt(len(q_K))
