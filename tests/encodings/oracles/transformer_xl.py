"""Dai et al. 2019, section 3.3: the four terms (a) to (d), with R gathered at the distance itself."""

import math

import numpy as np

from tests.encodings import oracles

SETTINGS = [{}, dict(theta=50.0)]
OTHER = {'theta': (500.0, {}), 'init_std': (0.5, {})}
UNCOMPARED = {'init_std'}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        width = self.weights['projection'].shape[0]
        angles = [(i - j) / self.options['theta'] ** (2 * c / width) for c in range(width // 2)]
        r_D = [math.sin(angle) for angle in angles] + [math.cos(angle) for angle in angles]
        position_K = np.zeros(len(q_K))
        for d, r in enumerate(r_D):
            position_K = position_K + r * self.weights['projection'][d, h]
        content = oracles.dot(q_K + self.weights['content_bias'][h], k_K)
        return content + oracles.dot(q_K + self.weights['position_bias'][h], position_K)
