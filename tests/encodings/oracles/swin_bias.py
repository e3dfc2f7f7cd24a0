"""Liu et al. 2021, section 3.2: B is taken from a table by the offset along each axis."""

from tests.encodings import oracles

SETTINGS = [{}, dict(max_distance=2)]
OTHER = {'max_distance': (4, {}), 'init_std': (0.5, {})}
UNCOMPARED = {'init_std'}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        far = self.options['max_distance']
        row, column = (min(max(a - b, -far), far) + far for a, b in zip(i, j))
        return oracles.dot(q_K, k_K) + self.weights['table'][h, row, column]
