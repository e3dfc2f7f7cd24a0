"""Huang et al. 2018, equation 3: S^rel_ij = q_i · e_(j - i) for j <= i, scaled as q · k is."""

import numpy as np

from tests.encodings import oracles

SETTINGS = [
    dict(max_length=400),
    dict(max_length=30, out_of_range='clip', share_heads=True),
    dict(max_length=20, out_of_range='zero'),
]
OTHER = {
    'max_length': (2048, {}),
    'share_heads': (True, {}),
    'out_of_range': ('clip', dict(max_length=16)),
}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        distance, length = i - j, self.options['max_length']
        if distance < 0 or (distance >= length and self.options['out_of_range'] == 'zero'):
            return oracles.dot(q_K, k_K)
        if distance >= length:
            distance = {'nan': np.nan, 'clip': length - 1}[self.options['out_of_range']]
        row = self.weights['table'][distance]
        return oracles.dot(q_K, k_K + (row if self.options['share_heads'] else row[h]))
