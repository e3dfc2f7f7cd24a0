"""Chu et al. 2021, section 3.2: tokens laid out as a grid with zeros around it, and the window that has been read."""

import numpy as np

from tests.encodings import oracles

SETTINGS = [{}, dict(columns=5), dict(columns=4, size=5), dict(layer=1)]
OTHER = {'size': (5, {}), 'columns': (5, {}), 'layer': (1, {})}


class Oracle(oracles.Oracle):
    def enter(self, h_LD, pos_L, layer):
        if layer != self.options['layer']:
            return h_LD
        columns = self.options['columns'] or len(h_LD)
        half, kernel = self.options['size'] // 2, iter(self.weights['kernel'])
        out_LD = h_LD + self.weights['bias']
        window = [(0, -c) for c in range(half + 1)]
        if self.options['columns']:
            window += [(-r, -c) for r in range(1, half + 1) for c in range(-half, half + 1)]
        for down, right in window:
            weight_D = next(kernel)
            for place in range(len(h_LD)):
                row, column = place // columns + down, place % columns + right
                if row >= 0 and 0 <= column < columns:
                    out_LD[place] += weight_D * h_LD[row * columns + column]
        return np.array(out_LD)
