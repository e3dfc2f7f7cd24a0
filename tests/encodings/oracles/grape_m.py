"""Zhang et al. 2025, section 3: one rotation matrix for each plane, exp((j - i) omega_c J)."""

import math

import numpy as np

from tests.encodings import oracles

SETTINGS = [{}, dict(theta=50.0, kappa=2.0, per_head=True)]
OTHER = {'theta': (500.0, {}), 'kappa': (2.0, {}), 'per_head': (True, {})}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        width, total = len(q_K), 0.0
        g = self.weights['log_frequency'][h if self.options['per_head'] else 0]
        for c in range(width // 2):
            omega = math.exp(-2 * c / width * math.log(self.options['theta']) + g[c] / self.options['kappa'])
            angle = (j - i) * omega
            matrix = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
            pair = [c, c + width // 2]
            total += q_K[pair] @ matrix @ k_K[pair]
        return total / math.sqrt(width)
