"""Wennberg and Henter 2021: the sum of a_s exp(-|b_s| (j - i - c_s)^2)."""

import math

from tests.encodings import oracles

SETTINGS = [{}, dict(kernels=2)]
OTHER = {'kernels': (4, {}), 'init_std': (0.5, {})}
UNCOMPARED = {'init_std'}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        total = 0.0
        for s in range(self.options['kernels']):
            a, b, c = (self.weights[name][s, h] for name in ('amplitude', 'sharpness', 'centre'))
            total += a * math.exp(-abs(b) * (j - i - c) ** 2)
        return oracles.dot(q_K, k_K) + total
