"""Liu et al. 2020, equation 3; the classical Runge-Kutta method, one step after another up to the position."""

import math

import numpy as np

from tests.encodings import oracles

SETTINGS = [
    dict(max_length=300),
    dict(max_length=240, interval=0.02, where='blocks', theta=50.0),
    dict(max_length=240, sinusoid=False, where='blocks'),
    dict(max_length=240, sinusoid=False),
]
OTHER = {
    'max_length': (512, dict(out_of_range='clip')),
    'interval': (0.02, {}),
    'theta': (500.0, dict(out_of_range='clip')),
    'sinusoid': (False, {}),
    'where': ('blocks', {}),
    'out_of_range': ('clip', dict(max_length=16)),
}
UNCOMPARED = {'max_length', 'out_of_range'}


class Oracle(oracles.Oracle):
    def embed(self, x_LD, pos_L):
        if self.options['sinusoid']:
            x_LD = np.stack([x_D + self.sinusoid(len(x_D), i) for x_D, i in zip(x_LD, pos_L)])
        return self.add(x_LD, pos_L) if self.options['where'] == 'input' else x_LD

    def enter(self, h_LD, pos_L, layer):
        return self.add(h_LD, pos_L) if self.options['where'] == 'blocks' else h_LD

    def sinusoid(self, width, i):
        angles = [i * math.exp(-c * math.log(self.options['theta']) / (width // 2 - 1)) for c in range(width // 2)]
        return np.array([*map(math.sin, angles), *map(math.cos, angles)])

    def add(self, x_LD, pos_L):
        width, p, passed = self.options['interval'], self.weights['start'], [self.weights['start']]
        for number in range(max(pos_L)):
            t = number * width
            k1 = self.slope(t, p)
            k2 = self.slope(t + width / 2, p + width * k1 / 2)
            k3 = self.slope(t + width / 2, p + width * k2 / 2)
            k4 = self.slope(t + width, p + width * k3)
            p = p + width * (k1 + 2 * k2 + 2 * k3 + k4) / 6
            passed.append(p)
        return np.stack([x_D + passed[i] for x_D, i in zip(x_LD, pos_L)])

    def slope(self, t, p):
        w, root = self.weights, math.sqrt(len(p))
        hidden = np.maximum(np.append(p, t) @ w['first'] / root + w['first_bias'], 0)
        return np.append(hidden, t) @ w['second'] / root + w['second_bias']
