"""Li et al. 2025, section 3: the rotary embedding at z = (swish(x Wg) * (x Wc)) Wz."""

import math

import numpy as np

from tests.encodings import oracles

SETTINGS = [{}, dict(theta=50.0, reduction=2)]
OTHER = {'theta': (5.0, {}), 'reduction': (2, {})}


class Oracle(oracles.Oracle):
    def position(self, x_D, h):
        w, z = self.weights, 0.0
        for n in range(len(w['final'])):
            gate = x_D @ w['gate'][:, n]
            z += gate * oracles.sigmoid(gate) * (x_D @ w['content'][:, n]) * w['final'][n, h]
        return z

    def logits(self, s):
        _, heads, width = s.q_LHK.shape
        out_HLM = np.zeros((heads, len(s.q_LHK), len(s.k_MHK)))
        for h in range(heads):
            z = [self.position(x_D, h) for x_D in s.x_LD]
            for i, j in np.ndindex(out_HLM.shape[1:]):
                if not s.allowed_LM[i, j]:
                    continue
                for c in range(width // 2):
                    turn = np.exp(1j * (z[i] - z[j]) / self.options['theta'] ** (2 * c / width))
                    a, b = complex(*s.q_LHK[i, h, [c, c + width // 2]]), complex(*s.k_MHK[j, h, [c, c + width // 2]])
                    out_HLM[h, i, j] += (a * b.conjugate() * turn).real / math.sqrt(width)
        return out_HLM
