"""x * (1 + p), or x * p."""

import numpy as np

from tests.encodings import oracles

SETTINGS = [{}, dict(over=dict(name='learned', max_length=300), one_plus=False)]
OTHER = {'over': ('learned', {}), 'one_plus': (False, {})}


class Oracle(oracles.Oracle):
    def embed_one(self, x_D, i):
        vector_D = self.options['over'].embed_one(np.zeros(len(x_D)), i)
        return np.array([x * (1 + p if self.options['one_plus'] else p) for x, p in zip(x_D, vector_D)])
