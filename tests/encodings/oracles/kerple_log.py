"""Chi et al. 2022: -p ln(1 + a |m - n|) with p and a positive, log(1 + e^x) of a number."""

import math

from tests.encodings import oracles

SETTINGS = [{}]
OTHER = {'init_p': (1.0, {}), 'init_a': (0.5, {})}
UNCOMPARED = {'init_p', 'init_a'}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        p, a = (math.log(1 + math.exp(self.weights[name][h])) for name in ('raw_p', 'raw_a'))
        return oracles.dot(q_K, k_K) - p * math.log(1 + a * abs(i - j))
