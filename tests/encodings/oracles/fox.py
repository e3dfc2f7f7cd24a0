"""Lin et al. 2025, section 3: exp(logit) times the product of the gates of the tokens after the key."""

import math

import numpy as np

from tests.encodings import oracles

SETTINGS = [
    {},
    dict(gate='cable'),
    dict(kind='bias_only'),
    dict(kind='fixed', shortest_time=1.5, longest_time=20.0),
    dict(gate='cable', kind='fixed', shortest_time=4.0),
]
OTHER = {
    'gate': ('cable', {}),
    'kind': ('fixed', {}),
    'init_std': (0.5, {}),
    'init_bias': (2.0, {}),
    'shortest_time': (5.0, dict(kind='fixed')),
    'longest_time': (40.0, dict(kind='fixed')),
}
UNCOMPARED = {'init_std', 'init_bias'}


class Oracle(oracles.Oracle):
    def forget(self, h, x_D):
        """What the token leaves of all that came before it, in (0, 1)."""
        o = self.options
        if o['kind'] == 'fixed':
            part = h / (o['heads'] - 1)
            return math.exp(-1 / (o['shortest_time'] ** (1 - part) * o['longest_time'] ** part))
        z = self.weights['bias'][h]
        if o['kind'] == 'full':
            z = z + sum(x * w for x, w in zip(x_D, self.weights['weight'][:, h]))
        return oracles.sigmoid(z) if o['gate'] == 'forget' else 1 - oracles.sigmoid(z)

    def logits(self, s):
        out_HLM = super().logits(s)
        for h, i, j in np.ndindex(out_HLM.shape):
            for between in range(j + 1, i + 1):
                out_HLM[h, i, j] += math.log(self.forget(h, s.x_LD[between]))
        return out_HLM
