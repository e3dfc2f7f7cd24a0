"""Li et al. 2024, equations of section 3: f(psi(i - j) / psi(max(L, i))), one hidden unit after the other."""

import math

from tests.encodings import oracles

# A threshold that all positions stay below, and one that most are beyond.
SETTINGS = [dict(length=2000.0), dict(hidden=4, length=20.0, shared=True)]
OTHER = {'hidden': (8, {}), 'length': (64.0, {}), 'init_c': (0.5, {}), 'shared': (True, {})}
UNCOMPARED = {'init_c', 'shared'}
# Up to the threshold only distances count.
CONTRACT = dict(length=20.0)


class Oracle(oracles.Oracle):
    def psi(self, tokens):
        return math.log(abs(self.weights['c'] * tokens) + 1)

    def logit(self, h, q_K, k_K, i, j):
        threshold = abs(self.weights['threshold'] * self.options['length'])
        share, total = self.psi(i - j) / (self.psi(max(i, threshold)) + 1e-6), 0.0
        for n in range(self.options['hidden']):
            unit = self.weights['kernel_0'][0, n] * share + self.weights['bias_0'][n]
            total += max(unit, 0.0) * self.weights['kernel_1'][n, h]
        return oracles.dot(q_K, k_K) + total
