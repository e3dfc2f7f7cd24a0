"""Ke et al. 2021, equation of section 3.1, with the scale 1/sqrt(d) on both terms; LayerNorm as in the code."""

import math

import numpy as np

from tests.encodings import oracles

SETTINGS = [dict(max_length=300)]
OTHER = {
    'max_length': (2048, {}),
    'init_std': (0.5, {}),
    'out_of_range': ('clip', dict(max_length=16)),
}
UNCOMPARED = {'init_std', 'out_of_range'}


class Oracle(oracles.Oracle):
    def vector(self, i):
        row_D = self.weights['table'][i]
        mean = sum(row_D) / len(row_D)
        variance = sum((x - mean) ** 2 for x in row_D) / len(row_D)
        normed = [(x - mean) / math.sqrt(variance + 1e-5) for x in row_D]
        return np.array(normed) * self.weights['norm_scale'] + self.weights['norm_bias']

    def logit(self, h, q_K, k_K, i, j):
        position = oracles.dot(self.vector(i) @ self.weights['query'][:, h], self.vector(j) @ self.weights['key'][:, h])
        return oracles.dot(q_K, k_K) + position
