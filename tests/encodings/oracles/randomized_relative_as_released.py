"""`compute_attention_with_noisy_relative_encodings`: indices into a table of N sinusoids, read past its end."""

import math

import numpy as np

from tests.encodings import oracles

SETTINGS = [{}, dict(theta=50.0, max_position=300)]
OTHER = {'theta': (500.0, {}), 'init_std': (0.5, {}), 'max_position': (100, {})}
UNCOMPARED = {'init_std'}


class Oracle(oracles.Oracle):
    def logits(self, s):
        (length, heads, _), size = s.q_LHK.shape, self.options['max_position']
        pos = oracles.plain(s.pos_k_M)
        draws = [pos[d] - pos[0] for d in range(1, length)]
        # Index N is that of distance 0. The last row of the table is N - 1.
        index = {0: size} | {-d: size - draws[d - 1] for d in range(1, length)}
        out_HLM = np.zeros((heads, length, length))
        for h, i in np.ndindex(heads, length):
            for j in range(length):
                r_K = self.relative_key(h, min(index.get(j - i, size), size - 1))
                q_K, w = s.q_LHK[i, h], self.weights
                content = oracles.dot(q_K + w['content_bias'][h], s.k_MHK[j, h])
                out_HLM[h, i, j] = content + oracles.dot(q_K + w['position_bias'][h], r_K)
        return out_HLM

    def relative_key(self, h, row):
        width = self.weights['projection'].shape[0]
        angles = [row / self.options['theta'] ** (2 * c / width) for c in range(width // 2)]
        sinusoid_D = [math.sin(angle) for angle in angles] + [math.cos(angle) for angle in angles]
        return sum(r * self.weights['projection'][d, h] for d, r in enumerate(sinusoid_D))
