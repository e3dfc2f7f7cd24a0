"""Vaswani et al. 2017, section 3.5; tensor2tensor's frequencies are exp(-c log(theta) / (D/2 - 1))."""

import math

import numpy as np

from tests.encodings import oracles

SETTINGS = [
    {},
    dict(theta=50.0, layout='concat', learned_scale=True),
    dict(frequencies='tensor2tensor'),
]
OTHER = {
    'theta': (500.0, {}),
    'layout': ('concat', {}),
    'frequencies': ('tensor2tensor', {}),
    'learned_scale': (True, {}),
}


class Oracle(oracles.Oracle):
    def embed_one(self, x_D, i):
        half, theta = len(x_D) // 2, self.options['theta']
        vector = np.zeros(len(x_D))
        for c in range(half):
            if self.options['frequencies'] == 'vaswani':
                angle = i / theta ** (2 * c / len(x_D))
            else:
                angle = i * math.exp(-c * math.log(theta) / (half - 1))
            pair = (2 * c, 2 * c + 1) if self.options['layout'] == 'interleaved' else (c, half + c)
            vector[pair[0]], vector[pair[1]] = math.sin(angle), math.cos(angle)
        return x_D + vector * (self.weights['scale'] if self.options['learned_scale'] else 1.0)
