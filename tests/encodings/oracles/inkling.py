"""The specification in words of `InklingRelativeLogits` and `InklingAttention` of transformers, one pair at a time."""

import math

import numpy as np

from tests.encodings import oracles

SETTINGS = [{}, dict(extent=9, profiles=3), dict(extent=30, floor=4, alpha=0.3)]
OTHER = {
    'extent': (64, {}),
    'profiles': (8, {}),
    'floor': (16, {}),
    'alpha': (0.5, dict(floor=16)),
    'init_std': (0.5, {}),
}
UNCOMPARED = {'init_std'}


class Oracle(oracles.Oracle):
    def logits(self, s):
        out_HLM = np.zeros((s.q_LHK.shape[1], len(s.q_LHK), len(s.k_MHK)))
        pos_q, pos_k = oracles.plain(s.pos_q_L), oracles.plain(s.pos_k_M)
        mixing, bank = self.weights['mixing'], self.weights['bank']
        for h, i, j in np.ndindex(out_HLM.shape):
            logit, distance = oracles.dot(s.q_LHK[i, h], s.k_MHK[j, h]), pos_q[i] - pos_k[j]
            if 0 <= distance < self.options['extent']:
                for c in range(self.options['profiles']):
                    state = sum(x * w for x, w in zip(s.x_LD[i], mixing[:, h, c]))
                    logit += state * bank[distance, c]
            if self.options['floor'] is not None:
                logit *= 1 + self.options['alpha'] * math.log(max(1.0, (pos_q[i] + 1) / self.options['floor']))
            out_HLM[h, i, j] = logit
        return out_HLM
