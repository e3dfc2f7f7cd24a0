"""Movahedi et al. 2025: the angle between two tokens sums what each token after the first one adds, convolved."""

import math

import numpy as np

from tests.encodings import oracles

SETTINGS = [{}, dict(theta=50.0, temperature=2.0, rank=3, kernel=2, gated=True)]
OTHER = {
    'theta': (500.0, {}),
    'temperature': (3.0, {}),
    'rank': (4, {}),
    'kernel': (2, {}),
    'gated': (True, {}),
}


class Oracle(oracles.Oracle):
    def angles(self, s, h):
        """What each token adds to the angle of each pair, [M, C]."""
        w, unit = self.weights, []
        heads, width = s.q_LHK.shape[1:]
        for x_D in s.x_LD:
            parts = [x_D[n * width : (n + 1) * width] for n in range(heads)]
            unit.append(np.concatenate([part / math.sqrt((part**2).sum() + 1e-6) for part in parts]))
        added = np.zeros((len(unit), width // 2))
        for m, c in np.ndindex(added.shape):
            for n in range(min(self.options['kernel'], m + 1)):
                added[m, c] += w['kernel'][n, h, c] * (unit[m - n] @ w['down'] @ w['up'][:, h, c])
            if self.options['gated']:
                added[m, c] *= oracles.sigmoid(unit[m] @ w['gate'][:, h] + w['gate_bias'][h])
            added[m, c] *= self.options['temperature'] / self.options['theta'] ** (2 * c / width)
        return added

    def logits(self, s):
        _, heads, width = s.q_LHK.shape
        out_HLM = np.zeros((heads, len(s.q_LHK), len(s.k_MHK)))
        added_HMC = [self.angles(s, h) for h in range(heads)]
        for h, i, j in np.ndindex(out_HLM.shape):
            if not s.allowed_LM[i, j]:
                continue
            for c in range(width // 2):
                angle = added_HMC[h][j + 1 : i + 1, c].sum()
                a, b = complex(*s.q_LHK[i, h, [c, c + width // 2]]), complex(*s.k_MHK[j, h, [c, c + width // 2]])
                out_HLM[h, i, j] += (a * b.conjugate() * np.exp(1j * angle)).real / math.sqrt(width)
        return out_HLM
