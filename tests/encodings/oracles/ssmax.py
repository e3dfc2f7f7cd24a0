"""Nakanishi 2025, equation 3: n^(s z) / sum n^(s z), as logits of a softmax."""

import math

from tests.encodings import oracles

SETTINGS = [{}, dict(over='none'), dict(over='shaw')]
OTHER = {'over': ('alibi', {}), 'initial': (1.0, {})}
UNCOMPARED = {'initial'}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        return math.log((i + 1) ** self.weights['scale'][h]) * self.options['over'].logit(h, q_K, k_K, i, j)
