"""Shaw et al. 2018, equations 3, 4 and 5; asymmetric clipping as `relative_key` of transformers' Wav2Vec2-BERT."""

import numpy as np

from tests.encodings import oracles

SETTINGS = [{}, dict(max_distance=3), dict(max_distance=5, max_ahead=2, values=True), dict(max_ahead=0, values=True)]
OTHER = {'max_distance': (4, {}), 'max_ahead': (3, {}), 'values': (True, {})}


class Oracle(oracles.Oracle):
    def row(self, i, j):
        behind, ahead = self.options['max_distance'], self.options['max_ahead']
        return min(max(j - i, -behind), behind if ahead is None else ahead) + behind

    def logit(self, h, q_K, k_K, i, j):
        return oracles.dot(q_K, k_K + self.weights['table'][self.row(i, j)])

    def attend(self, s):
        weights_HLM = self.weights_of(s)
        out_LHK = np.zeros(s.q_LHK.shape)
        pos_q, pos_k = oracles.plain(s.pos_q_L), oracles.plain(s.pos_k_M)
        for h, i, j in np.ndindex(weights_HLM.shape):
            value_K = s.v_MHK[j, h]
            if self.options['values']:
                value_K = value_K + self.weights['values'][self.row(pos_q[i], pos_k[j])]
            out_LHK[i, h] += weights_HLM[h, i, j] * value_K
        return out_LHK
