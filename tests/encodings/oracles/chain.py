"""First below the first layer, then what both add to q · k; neither of those compared here rotates twice."""

from tests.encodings import oracles

SETTINGS = [
    dict(first='sinusoidal', second='alibi'),
    dict(first='shaw', second=dict(name='t5_bias', buckets=8, max_distance=20)),
    dict(first=dict(name='learned', max_length=300), second='rotary'),
]
OTHER = {'first': ('none', {}), 'second': ('rotary', {})}


class Oracle(oracles.Oracle):
    def embed_one(self, x_D, i):
        return self.options['second'].embed_one(self.options['first'].embed_one(x_D, i), i)

    def logit(self, h, q_K, k_K, i, j):
        parts = (self.options['first'], self.options['second'])
        return sum(part.logit(h, q_K, k_K, i, j) for part in parts) - oracles.dot(q_K, k_K)
