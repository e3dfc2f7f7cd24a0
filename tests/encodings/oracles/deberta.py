"""He et al. 2020, equations 2 to 4, and the buckets of version 2 by the definition of `make_log_bucket_position`."""

import math

import numpy as np

from tests.encodings import oracles

SETTINGS = [
    {},
    dict(max_distance=5, key_row='code'),
    dict(max_distance=60, buckets=8, three_terms=True),
    dict(max_distance=17, buckets=16, biased=True),
]
OTHER = {
    'max_distance': (4, {}),
    'buckets': (16, {}),
    'key_row': ('code', {}),
    'three_terms': (True, {}),
    'biased': (True, {}),
    'init_std': (0.5, {}),
}
UNCOMPARED = {'init_std'}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        p, width = self.weights['table'], len(q_K)
        back = j - i if self.options['key_row'] == 'paper' else i - j
        towards_key, towards_query = p[self.row(i - j)], p[self.row(back)]
        key_K, query_K = np.zeros(width), np.zeros(width)
        if self.options['biased']:
            key_K, query_K = self.weights['key_bias'][h], self.weights['query_bias'][h]
        for d in range(p.shape[1]):
            key_K = key_K + towards_key[d] * self.weights['key'][d, h]
            query_K = query_K + towards_query[d] * self.weights['query'][d, h]
        total = sum(q * k + q * pk + k * pq for q, k, pk, pq in zip(q_K, k_K, key_K, query_K))
        return total / math.sqrt((3 if self.options['three_terms'] else 1) * width)

    def row(self, distance):
        half, size = self.options['buckets'], abs(distance)
        if half is None:
            half = self.options['max_distance']
        elif size > half // 2:
            middle, furthest = half // 2, self.options['max_distance'] - 1
            step = math.log(size / middle) / math.log(furthest / middle) * (middle - 1)
            # 1e-9: the furthest distance has a whole number of steps, however the logarithms are rounded.
            size = middle + math.ceil(step - 1e-9)
        return min(max((size if distance > 0 else -size) + half, 0), 2 * half - 1)
