"""Yu et al. 2025: q exp(sum of d_a A_a) k for the difference d of two positions, by eigenvectors of the generators."""

import math

import numpy as np

from tests.encodings import oracles

WIDTH = 24
# A block of three channels turns one plane, and a channel stays.
SETTINGS = [dict(kind='ld', block=6, extent=100.0), dict(kind='ap', block=3, extent=60.0)]
OTHER = {
    'kind': ('ap', dict(block=4)),
    'block': (4, {}),
    'extent': (40.0, {}),
    'init_std': (0.5, {}),
}
UNCOMPARED = {'init_std'}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        total, size = 0.0, self.options['block']
        for n in range(len(q_K) // size):
            generator = self.weights['angles'][h, n] - self.weights['angles'][h, n].T
            if self.options['kind'] == 'ld':
                far = sum((j[a] - i[a]) * self.weights['factor'][a, n] for a in range(2))
            else:
                far = j[n % 2] - i[n % 2]
            # i times a skew-symmetric matrix is Hermitian: its eigenvalues are real.
            angles, vectors = np.linalg.eigh(1j * generator)
            turn = vectors @ np.diag(np.exp(-1j * far / self.options['extent'] * angles)) @ vectors.conj().T
            part = slice(n * size, (n + 1) * size)
            total += q_K[part] @ turn.real @ k_K[part]
        return total / math.sqrt(len(q_K))
