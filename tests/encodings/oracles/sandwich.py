"""Chi et al. 2023: the dot product of two sinusoidal position vectors of the two positions, sines and cosines apart."""

import math

from tests.encodings import oracles

SETTINGS = [{}, dict(channels=16, theta=50.0)]
OTHER = {'channels': (16, {}), 'theta': (50.0, {})}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        channels, alike = self.options['channels'], 0.0
        for c in range(channels // 2):
            omega = self.options['theta'] ** (-2 * c / channels)
            alike += math.sin(i * omega) * math.sin(j * omega) + math.cos(i * omega) * math.cos(j * omega)
        ratio = 8 * (h + 1) / self.options['heads']
        return oracles.dot(q_K, k_K) + alike / ratio
