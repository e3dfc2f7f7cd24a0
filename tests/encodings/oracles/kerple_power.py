"""Chi et al. 2022: -a |m - n|^p.

Compared up to the power 1: 160^1.2 = 440 is known to 3e-5 in float32. Greater powers are compared in test_biases.py.
"""

import math

from tests.encodings import oracles

SETTINGS = [dict(max_power=1.0), dict(max_power=0.5)]
OTHER = {'max_power': (0.5, {}), 'init_a': (0.5, {})}
UNCOMPARED = {'init_a'}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        a = math.log(1 + math.exp(self.weights['raw_a'][h]))
        p = self.options['max_power'] * oracles.sigmoid(self.weights['raw_p'][h])
        return oracles.dot(q_K, k_K) - a * abs(i - j) ** p
