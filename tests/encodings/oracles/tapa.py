"""Wang et al. 2025, equation 12."""

import math

from tests.encodings import oracles

SETTINGS = [{}, dict(exponent=0.2, amplitude_share=0.75)]
OTHER = {'exponent': (0.3, {}), 'amplitude_share': (0.25, {})}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        a = round(self.options['amplitude_share'] * len(q_K))
        phase = 2 * math.pi * abs(i - j) ** self.options['exponent'] * oracles.dot(q_K[a:], k_K[a:])
        return oracles.dot(q_K[:a], k_K[:a]) * math.cos(phase)
