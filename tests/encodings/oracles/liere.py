"""Ostmeier et al. 2024, section 4: (R(p) q) · (R(p') k) with R(p) = exp(sum of p_a A_a), by the exponential series."""

import math

import numpy as np

from tests.encodings import oracles

WIDTH = 16
SETTINGS = [dict(extent=100.0, block=8), dict(extent=60.0, block=4)]
OTHER = {'block': (4, {}), 'extent': (20.0, {})}
# Its matrices are exponentials of float32 angles, which so many tokens on are thousands of turns.
FAR = False


class Oracle(oracles.Oracle):
    def __init__(self, options, weights):
        super().__init__(options, weights)
        self.found = {}

    def rotation(self, h, pos, width):
        if (h, pos) in self.found:
            return self.found[h, pos]
        size = self.options['block']
        whole = np.zeros((width, width))
        for n in range(width // size):
            places = [(r, c) for r in range(size) for c in range(r + 1, size)]
            for place, (r, c) in enumerate(places):
                angle = sum(pos[a] / self.options['extent'] * self.weights['upper'][a, h, n, place] for a in range(2))
                whole[n * size + r, n * size + c], whole[n * size + c, n * size + r] = angle, -angle
        self.found[h, pos] = exponential(whole)
        return self.found[h, pos]

    def logit(self, h, q_K, k_K, i, j):
        q_K, k_K = self.rotation(h, i, len(q_K)) @ q_K, self.rotation(h, j, len(k_K)) @ k_K
        return q_K @ k_K / math.sqrt(len(q_K))


def exponential(matrix):
    """(1 + A/2^n + ...)^(2^n), the series up to 20 terms."""
    small, total, term = matrix / 2**12, np.eye(len(matrix)), np.eye(len(matrix))
    for n in range(1, 20):
        term = term @ small / n
        total = total + term
    for _ in range(12):
        total = total @ total
    return total
