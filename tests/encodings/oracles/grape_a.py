"""Zhang et al. 2025, the key-, query- and doubly-gated additive biases of one pair; scales as in the authors' code."""

import math

from tests.encodings import oracles
from tests.encodings.oracles import alibi

SETTINGS = [
    {},
    dict(gate='key', unit_length=False),
    dict(gate='query'),
]
OTHER = {'gate': ('key', {}), 'unit_length': (False, {}), 'init_omega': (2.0, {})}
UNCOMPARED = {'init_omega'}


def softplus(z):
    return math.log(1 + math.exp(z))


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        rate = 0.0
        if self.options['gate'] in ('query', 'query_key'):
            rate += softplus(oracles.dot(q_K, self.direction('v', h)))
        if self.options['gate'] in ('key', 'query_key'):
            rate += softplus(oracles.dot(k_K, self.direction('u', h)))
        slope = alibi.slopes(self.options['heads'])[h] * softplus(self.weights['omega'][h])
        return oracles.dot(q_K, k_K) - abs(i - j) * slope * rate

    def direction(self, name, h):
        vector_K = self.weights[name][h]
        return vector_K / math.sqrt(sum(vector_K**2)) if self.options['unit_length'] else vector_K
