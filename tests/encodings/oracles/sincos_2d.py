"""Chen et al. 2021: half of the channels hold the row, half the column; of each half, one half sines, one cosines."""

import math

import numpy as np

from tests.encodings import oracles

WIDTH = 12
SETTINGS = [{}, dict(theta=50.0, frequencies='tensor2tensor')]
OTHER = {'theta': (500.0, {}), 'frequencies': ('tensor2tensor', {})}


class Oracle(oracles.Oracle):
    def embed_one(self, x_D, i):
        quarter, vector = len(x_D) // 4, np.zeros(len(x_D))
        of = quarter if self.options['frequencies'] == 'vaswani' else quarter - 1
        for axis in range(2):
            for c in range(quarter):
                angle = i[axis] * self.options['theta'] ** (-c / of)
                vector[2 * quarter * axis + c] = math.sin(angle)
                vector[2 * quarter * axis + quarter + c] = math.cos(angle)
        return x_D + vector
