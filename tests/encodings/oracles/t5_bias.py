"""Raffel et al. 2020, section 2.1; `_relative_position_bucket` of mesh-tensorflow, for one pair."""

import math

from tests.encodings import oracles

SETTINGS = [{}, dict(buckets=8, max_distance=20), dict(bidirectional=True)]
OTHER = {
    'buckets': (16, {}),
    'max_distance': (900, {}),
    'bidirectional': (True, {}),
    'init_std': (0.5, {}),
}
UNCOMPARED = {'init_std'}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        return oracles.dot(q_K, k_K) + self.weights['table'][h][self.bucket(i - j)]

    def bucket(self, distance):
        buckets, first = self.options['buckets'], 0
        if self.options['bidirectional']:
            buckets //= 2
            first = buckets if distance < 0 else 0
            distance = abs(distance)
        distance, exact = max(distance, 0), buckets // 2
        if distance < exact:
            return first + distance
        # 1e-9: a border such as 16 in 8 * 2^(k/2) belongs to the upper bucket, however the logarithms are rounded.
        part = math.log(distance / exact) / math.log(self.options['max_distance'] / exact) * (buckets - exact)
        return first + min(exact + math.floor(part + 1e-9), buckets - 1)
