"""One coordinate of a position of several."""

from tests.encodings import oracles

SETTINGS = [dict(over=dict(name='rotary'), axis=1), dict(over=dict(name='sinusoidal'), axis=0)]
OTHER = {'over': ('alibi', {}), 'axis': (1, {})}


class Oracle(oracles.Oracle):
    def embed_one(self, x_D, i):
        return self.options['over'].embed_one(x_D, i[self.options['axis']])

    def logit(self, h, q_K, k_K, i, j):
        axis = self.options['axis']
        return self.options['over'].logit(h, q_K, k_K, i[axis], j[axis])
