"""Zhang et al. 2025, path-integral bias: one cost for each token after the key, turned as complex numbers."""

import math

import numpy as np

from tests.encodings import oracles
from tests.encodings.oracles import alibi

SETTINGS = [{}, dict(channels=6), dict(channels=3, rotated=False)]
OTHER = {'channels': (6, {}), 'rotated': (False, {})}


class Oracle(oracles.Oracle):
    def logits(self, s):
        out_HLM = super().logits(s)
        places = oracles.plain(s.pos_k_M)
        for h, i in np.ndindex(out_HLM.shape[:2]):
            slope, p_P = alibi.slopes(self.options['heads'])[h], s.x_LD[i] @ self.weights['weight'][:, h]
            cost = 0.0
            for j in reversed(range(i + 1)):
                out_HLM[h, i, j] += cost
                match = p_P @ self.turned(s.x_LD[j] @ self.weights['weight'][:, h], places[j]) / len(p_P)
                cost += slope * math.log(oracles.sigmoid(match))
        return out_HLM

    def turned(self, p_P, place):
        p_P = p_P / math.sqrt(sum(p_P**2) / len(p_P) + 1e-6)
        if not self.options['rotated']:
            return p_P
        half = len(p_P) // 2
        pairs = (p_P[:half] + 1j * p_P[half:]) * np.exp(-1j * place)
        return np.concatenate([pairs.real, pairs.imag])
