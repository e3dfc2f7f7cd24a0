"""The layer that is asked is the first one."""

from tests.encodings import oracles

# Slopes of ALiBi of both kinds.
HEADS = 3
SETTINGS = [
    dict(first='rotary', second='none', pattern=(0, 1)),
    dict(first='none', second='alibi', pattern=(1, 0)),
    dict(first='alibi', second='none', pattern=(0, 1)),
]
OTHER = {'first': ('alibi', {}), 'second': ('alibi', {}), 'pattern': ((1, 0), {})}


class Oracle(oracles.Oracle):
    def embed_one(self, x_D, i):
        return self.options['second'].embed_one(self.options['first'].embed_one(x_D, i), i)

    def logit(self, h, q_K, k_K, i, j):
        part = self.options['second' if self.options['pattern'][0] else 'first']
        return part.logit(h, q_K, k_K, i, j)
