"""Press et al. 2022, section 3, and the recursion in the authors' `get_slopes`."""

import math

from tests.encodings import oracles

# No power of two: slopes of both kinds.
HEADS = 3
SETTINGS = [{}, dict(breaker=0.5), dict(learned=True)]
OTHER = {'breaker': (0.5, {}), 'learned': (True, {})}


class Oracle(oracles.Oracle):
    def logit(self, h, q_K, k_K, i, j):
        slope = slopes(self.options['heads'])[h]
        if self.options['learned']:
            slope *= math.exp(self.weights['log_gain'][h])
        away = i - j - self.options['breaker'] if i > j else j - i
        return oracles.dot(q_K, k_K) - slope * away


def slopes(heads):
    if math.log2(heads).is_integer():
        start = 2 ** (-(2 ** -(math.log2(heads) - 3)))
        return [start * start**h for h in range(heads)]
    closest = 2 ** math.floor(math.log2(heads))
    return slopes(closest) + slopes(2 * closest)[0::2][: heads - closest]
