"""Wang et al. 2020, equation 6: amplitude times e^(i (omega p + phase)), from the polar form of the token's numbers."""

import cmath
import math

import numpy as np

from tests.encodings import oracles

SETTINGS = [{}, dict(theta=50.0, trained=False)]
OTHER = {'theta': (500.0, {}), 'trained': (False, {})}
# A trained frequency is rounded to a float32, which so many tokens on is an angle; the encoding is not relative.
FAR = False


class Oracle(oracles.Oracle):
    def embed_one(self, x_D, i):
        half, out_D = len(x_D) // 2, np.zeros(len(x_D))
        for c in range(half):
            omega = self.options['theta'] ** (-2 * c / len(x_D))
            if self.options['trained']:
                omega *= math.exp(self.weights['growth'][c] / 16)
            amplitude, phase = cmath.polar(complex(x_D[c], x_D[c + half]))
            wave = amplitude * cmath.exp(1j * (omega * i + phase))
            out_D[c], out_D[c + half] = wave.real, wave.imag
        return out_D
