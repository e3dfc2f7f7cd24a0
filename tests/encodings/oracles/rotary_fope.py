"""Hua et al. 2024, section 4, and the authors' FourierEmbedding: queries and keys times sums of waves."""

import math

import numpy as np

from tests.encodings.oracles import rotary

WIDTH = 16
SETTINGS = [
    {},
    dict(original_length=50, sigma=0.6, seed=3, rest='padded'),
    dict(trained=True, original_length=1000, layout='interleaved', theta=500.0),
    dict(sigma=0.0, fraction=0.5),
]
OTHER = rotary.OTHER | {
    'original_length': (1000, {}),
    'sigma': (0.0, {}),
    'trained': (True, {}),
    'seed': (1, {}),
    'rest': ('padded', {}),
}


class Oracle(rotary.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        return np.dot(self.turned(h, q_K, i), self.turned(h, k_K, j)) / math.sqrt(len(q_K))

    def turned(self, h, x_K, position):
        width = 2 * math.floor(self.options['fraction'] * len(x_K) / 2)
        plain = [self.frequency(c, width) for c in range(width // 2)]
        kept = [omega for omega in plain if omega > 2 * math.pi / self.options['original_length']]
        cosines, sines = self.coefficients(len(kept))[:, h]
        out_K = np.array(x_K, np.float64)
        for c in range(width // 2):
            cos, sin = 1.0, 0.0 if self.options['rest'] == 'still' else 1.0
            if c < len(kept):
                cos = math.cos(position * kept[c])
                sin = math.sin(position * kept[c])
                for number, omega in enumerate(kept):
                    cos += cosines[number, c] * math.cos(position * omega)
                    sin += sines[number, c] * math.sin(position * omega)
            a, b = (c, c + width // 2) if self.options['layout'] == 'half' else (2 * c, 2 * c + 1)
            out_K[a] = x_K[a] * cos - x_K[b] * sin
            out_K[b] = x_K[b] * cos + x_K[a] * sin
        return out_K

    def coefficients(self, count):
        if self.options['trained']:
            return self.weights['mixing']
        drawn = np.random.default_rng(self.options['seed']).normal(size=(2, self.options['heads'], count, count))
        return self.options['sigma'] / math.sqrt(count) * drawn
