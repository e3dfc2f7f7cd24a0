"""Ke et al. 2021, section 3.1: TUPE-A, and T5's bias with a table called `relative`."""

from tests.encodings.oracles import t5_bias, tupe_a

SETTINGS = [dict(max_length=300), dict(max_length=300, buckets=8, max_distance=20, bidirectional=False)]
OTHER = tupe_a.OTHER | {'buckets': (16, {}), 'max_distance': (900, {}), 'bidirectional': (False, {})}
UNCOMPARED = tupe_a.UNCOMPARED


class Oracle(tupe_a.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        bucket = t5_bias.Oracle(self.options, {}).bucket(i - j)
        return super().logit(h, q_K, k_K, i, j) + self.weights['relative'][h][bucket]
