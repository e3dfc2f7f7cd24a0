"""Yang et al. 2025, section 3: the reflections one by one, as matrices; w as in flash-linear-attention's layer."""

import math

import numpy as np

from tests.encodings import oracles

SETTINGS = [
    {},
    dict(rank=3, conv_size=2, gate=True),
    dict(conv_size=None, gate=True, gate_inside_scale=True),
]
OTHER = {
    'rank': (5, {}),
    'conv_size': (4, {}),
    'init_std': (0.5, {}),
    'gate': (True, {}),
    'gate_inside_scale': (True, dict(gate=True)),
}
UNCOMPARED = {'init_std'}


class Oracle(oracles.Oracle):
    def logits(self, s):
        heads, width = s.q_LHK.shape[1:]
        out_HLM = np.zeros((heads, len(s.q_LHK), len(s.k_MHK)))
        for h in range(heads):
            between = [self.reflection(h, s.x_LD, t, width) for t in range(len(s.x_LD))]
            forget = [self.forget(h, x_D) for x_D in s.x_LD]
            for i in range(len(s.q_LHK)):
                q_K, faded = s.q_LHK[i, h], 0.0
                for j in reversed(range(i + 1)):
                    out_HLM[h, i, j] = oracles.dot(q_K, s.k_MHK[j, h]) + faded
                    q_K, faded = q_K @ between[j], faded + forget[j]
        return out_HLM

    def forget(self, h, x_D):
        if not self.options['gate']:
            return 0.0
        z = x_D @ self.weights['gate_weight'][:, h] + self.weights['gate_bias'][h]
        scale = 1 / math.sqrt(self.options['head_width']) if self.options['gate_inside_scale'] else 1.0
        return scale * math.log(oracles.sigmoid(z))

    def reflection(self, h, x_LD, t, width):
        channels = slice(h * width, (h + 1) * width)
        rows = [(x_D @ self.weights['down'] @ self.weights['up'])[channels] for x_D in x_LD]
        w_K = rows[t]
        if self.options['conv_size'] is not None:
            w_K = sum(self.weights['kernel'][n, channels] * rows[t - n] for n in range(self.taps(t)))
            w_K = w_K * oracles.sigmoid(w_K)
        w_K = w_K / math.sqrt(w_K @ w_K + 1e-6)
        beta = 2 * oracles.sigmoid(x_LD[t] @ self.weights['beta_weight'][:, h] + self.weights['beta_bias'][h])
        return np.eye(width) - beta * np.outer(w_K, w_K)

    def taps(self, t):
        return min(self.options['conv_size'], t + 1)
