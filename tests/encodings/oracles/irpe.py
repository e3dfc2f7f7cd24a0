"""Wu et al. 2021: g(x) of equation 18 for rows and columns, and the table of both; `piecewise_index` of the code."""

import math

from tests.encodings import oracles

SETTINGS = [{}, dict(ratio=1.0, mode='bias'), dict(shared_heads=False), dict(mode='bias', shared_heads=False)]
OTHER = {'ratio': (3.0, {}), 'mode': ('bias', {}), 'shared_heads': (False, {})}


class Oracle(oracles.Oracle):
    def bucket(self, x):
        alpha, beta, gamma = (factor * self.options['ratio'] for factor in (1, 2, 8))
        if abs(x) <= alpha:
            return round(x)
        index = round(alpha + math.log(abs(x) / alpha) / math.log(gamma / alpha) * (beta - alpha))
        return int(math.copysign(min(beta, index), x))

    def logit(self, h, q_K, k_K, i, j):
        most = int(2 * self.options['ratio'])
        row, column = (self.bucket(a - b) + most for a, b in zip(i, j))
        table_HR = self.weights['table']
        entry = table_HR[0 if self.options['shared_heads'] else h][row * (2 * most + 1) + column]
        if self.options['mode'] == 'bias':
            return oracles.dot(q_K, k_K) + entry
        return oracles.dot(q_K, k_K) + oracles.dot(q_K, entry)
