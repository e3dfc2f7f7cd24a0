"""Gehring et al. 2017, section 3.1."""

from tests.encodings import oracles

SETTINGS = [dict(max_length=300)]
OTHER = {
    'max_length': (2048, {}),
    'init_std': (0.5, {}),
    'out_of_range': ('clip', dict(max_length=16)),
}
UNCOMPARED = {'init_std', 'out_of_range'}


class Oracle(oracles.Oracle):
    def embed_one(self, x_D, i):
        return x_D + self.weights['table'][i]
