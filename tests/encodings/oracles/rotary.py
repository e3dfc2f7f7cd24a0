"""Su et al. 2021, section 3.2: Re(q conj(k) e^(i (m - n) theta_c)) of pairs as complex numbers."""

import math

import numpy as np

from tests.encodings import oracles

SETTINGS = [{}, dict(theta=50.0, layout='interleaved')]
OTHER = {'theta': (500.0, {}), 'layout': ('interleaved', {})}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        width, total = len(q_K), 0.0
        for c in range(width // 2):
            a, b = (c, c + width // 2) if self.options['layout'] == 'half' else (2 * c, 2 * c + 1)
            turn = np.exp(1j * (i - j) / self.options['theta'] ** (2 * c / width))
            total += (complex(q_K[a], q_K[b]) * complex(k_K[a], k_K[b]).conjugate() * turn).real
        return total / math.sqrt(width)
