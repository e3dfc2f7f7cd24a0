"""Golovneva et al. 2024, section 4: gates, their running sum from the query backwards, interpolated vectors."""

import math

import numpy as np

from tests.encodings import oracles

SETTINGS = [{}, dict(max_positions=5), dict(max_positions=9, scaled=False)]
OTHER = {'max_positions': (3, {}), 'scaled': (False, {})}


class Oracle(oracles.Oracle):
    def logits(self, s):
        out_HLM = np.zeros((s.q_LHK.shape[1], len(s.q_LHK), len(s.k_MHK)))
        table, last = self.weights['table'], self.options['max_positions'] - 1
        for h, i in np.ndindex(out_HLM.shape[:2]):
            q_K, counted = s.q_LHK[i, h], 0.0
            for j in reversed(range(len(s.k_MHK))):
                if not s.allowed_LM[i, j]:
                    continue
                logit = oracles.dot(q_K, s.k_MHK[j, h])
                counted += 1 / (1 + math.exp(-logit))
                place = min(counted, last)
                low, high = math.floor(place), math.ceil(place)
                vector_K = table[low] if low == high else (high - place) * table[low] + (place - low) * table[high]
                width = None if self.options['scaled'] else 1
                out_HLM[h, i, j] = logit + oracles.dot(q_K, vector_K, width)
        return out_HLM
