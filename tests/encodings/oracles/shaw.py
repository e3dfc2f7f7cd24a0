"""Shaw et al. 2018, equations 4 and 5, keys only."""

from tests.encodings import oracles

SETTINGS = [{}, dict(max_distance=3)]
OTHER = {'max_distance': (4, {})}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        far = self.options['max_distance']
        row = min(max(j - i, -far), far) + far
        return oracles.dot(q_K, k_K + self.weights['table'][row])
