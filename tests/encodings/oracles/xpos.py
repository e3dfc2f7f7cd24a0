"""Sun et al. 2022, section 3: Re(q conj(k) e^((xi_c + i theta_c) (m - n))) of pairs as complex numbers."""

import cmath
import math

from tests.encodings import oracles

SETTINGS = [{}, dict(theta=50.0, gamma=1.5, scale_base=250.0, layout='half')]
OTHER = {
    'theta': (500.0, {}),
    'gamma': (2.0, {}),
    'scale_base': (100.0, {}),
    'layout': ('half', {}),
}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        width, total = len(q_K), 0.0
        gamma, scale_base = self.options['gamma'], self.options['scale_base']
        for c in range(width // 2):
            a, b = (c, c + width // 2) if self.options['layout'] == 'half' else (2 * c, 2 * c + 1)
            zeta = (2 * c / width + gamma) / (1 + gamma)
            power = math.log(zeta) / scale_base + 1j / self.options['theta'] ** (2 * c / width)
            pair = complex(q_K[a], q_K[b]) * complex(k_K[a], k_K[b]).conjugate()
            total += (pair * cmath.exp((i - j) * power)).real
        return total / math.sqrt(width)
