"""Zhang et al. 2025, contextual form: the phase of a token sums the gates of those before it, and turns each plane."""

import math

import numpy as np

from tests.encodings import oracles

SETTINGS = [{}, dict(theta=50.0, gate='softplus', gate_scale=2.0, per_head=True)]
OTHER = {
    'theta': (500.0, {}),
    'gate': ('softplus', {}),
    'gate_scale': (1.0, {}),
    'init_step': (0.1, {}),
    'per_head': (True, {}),
}
UNCOMPARED = {'init_step'}


class Oracle(oracles.Oracle):
    def step(self, x_D, h):
        gate = h if self.options['per_head'] else 0
        z = (x_D @ self.weights['weight'][:, gate] + self.weights['bias'][gate]) / self.options['gate_scale']
        return oracles.sigmoid(z) if self.options['gate'] == 'sigmoid' else math.log(1 + math.exp(z))

    def logits(self, s):
        _, heads, width = s.q_LHK.shape
        out_HLM = np.zeros((heads, len(s.q_LHK), len(s.k_MHK)))
        for h, i, j in np.ndindex(out_HLM.shape):
            if not s.allowed_LM[i, j]:
                continue
            walked = sum(self.step(s.x_LD[t], h) for t in range(j, i))
            for c in range(width // 2):
                omega = self.options['theta'] ** (-2 * c / width) * math.exp(self.weights['log_frequency'][c])
                a, b = complex(*s.q_LHK[i, h, [c, c + width // 2]]), complex(*s.k_MHK[j, h, [c, c + width // 2]])
                out_HLM[h, i, j] += (a * b.conjugate() * np.exp(1j * walked * omega)).real / math.sqrt(width)
        return out_HLM
