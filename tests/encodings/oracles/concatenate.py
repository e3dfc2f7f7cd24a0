"""[x, p] W."""

import numpy as np

from tests.encodings import oracles

SETTINGS = [{}, dict(over=dict(name='learned', max_length=300))]
OTHER = {'over': ('learned', {})}


class Oracle(oracles.Oracle):
    def embed_one(self, x_D, i):
        both_E = [*x_D, *self.options['over'].embed_one(np.zeros(len(x_D)), i)]
        return sum(number * row_D for number, row_D in zip(both_E, self.weights['projection']))
