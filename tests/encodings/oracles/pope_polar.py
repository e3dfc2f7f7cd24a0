"""Gopalakrishnan et al. 2025: real part of mu_q mu_k exp(i ((s - t) theta_c + delta_c)), one term a channel."""

import math

from tests.encodings import oracles

# Some phases lie on either side of [-2 pi, 0].
SPREAD = 5.0
SETTINGS = [{}, dict(theta=50.0)]
OTHER = {'theta': (500.0, {}), 'initial': ('uniform', {})}
UNCOMPARED = {'initial'}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        width, total = len(q_K), 0.0
        for c in range(width):
            delta = min(max(self.weights['delta'][h, c], -2 * math.pi), 0.0)
            angle = (j - i) / self.options['theta'] ** (c / width) + delta
            total += math.log1p(math.exp(q_K[c])) * math.log1p(math.exp(k_K[c])) * math.cos(angle)
        return total / math.sqrt(width)
