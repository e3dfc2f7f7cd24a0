"""Su et al. 2021, section 3.2: Re(q conj(k) e^(i (m - n) theta_c)) of pairs as complex numbers."""

import cmath
import math

from tests.encodings import oracles

WIDTH = 16
SETTINGS = [{}, dict(theta=100_000.0, layout='interleaved'), dict(fraction=0.6)]
OTHER = {'theta': (50.0, {}), 'layout': ('interleaved', {}), 'fraction': (0.5, {})}


class Oracle(oracles.Oracle):
    """Scaled variants have other frequencies, and a factor on queries and on keys."""

    def frequency(self, c, width):
        return 1 / self.options['theta'] ** (2 * c / width)

    def factor(self):
        return 1.0

    def logit(self, h, q_K, k_K, i, j):
        width = 2 * math.floor(self.options.get('fraction', 1.0) * len(q_K) / 2)
        total = 0.0
        for c in range(width // 2):
            a, b = (c, c + width // 2) if self.options['layout'] == 'half' else (2 * c, 2 * c + 1)
            turn = cmath.exp(1j * (i - j) * self.frequency(c, width))
            total += (complex(q_K[a], q_K[b]) * complex(k_K[a], k_K[b]).conjugate() * turn).real
        still = sum(q_K[d] * k_K[d] for d in range(width, len(q_K)))
        return (self.factor() ** 2 * total + still) / math.sqrt(len(q_K))
