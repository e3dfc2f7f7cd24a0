"""Wang et al. 2021 and Liu et al. 2022: a network of the distance, unit by unit."""

import math

from tests.encodings import oracles

SETTINGS = [
    {},
    dict(hidden=4, depth=1, activation='relu', log_distance=True, bound=16.0),
    dict(depth=3, log_distance=True),
]
OTHER = {
    'hidden': (4, {}),
    'depth': (3, {}),
    'activation': ('relu', {}),
    'log_distance': (True, {}),
    'bound': (16.0, {}),
}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        x, depth = i - j, self.options['depth']
        if self.options['log_distance']:
            x = math.copysign(math.log(1 + abs(x)), x)
        units = [x]
        for n in range(depth):
            kernel, bias = self.weights[f'kernel_{n}'], self.weights[f'bias_{n}']
            sums = [sum(u * w for u, w in zip(units, kernel[:, m])) + bias[m] for m in range(len(bias))]
            if self.options['activation'] == 'relu':
                units = [max(z, 0.0) for z in sums]
            else:
                units = [z * oracles.sigmoid(z) for z in sums]
        out = sum(u * w for u, w in zip(units, self.weights[f'kernel_{depth}'][:, h]))
        if self.options['bound'] is not None:
            out = self.options['bound'] * oracles.sigmoid(out)
        return oracles.dot(q_K, k_K) + out
