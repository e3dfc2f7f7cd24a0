"""Su 2021: log n to the base of the training length, on q before its product with k."""

import math

from tests.encodings import oracles

SETTINGS = [
    {},
    dict(over='shaw', train_length=40),
    dict(over='alibi', train_length=40, at_least_one=True),
]
OTHER = {'over': ('alibi', {}), 'train_length': (40, {}), 'at_least_one': (True, {})}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        scale = math.log(i + 1, self.options['train_length'])
        if self.options['at_least_one']:
            scale = max(scale, 1.0)
        return self.options['over'].logit(h, scale * q_K, k_K, i, j)
