"""Gehring et al. 2017, section 3.1."""

from tests.encodings import oracles

SETTINGS = [dict(max_length=300), dict(max_length=20, out_of_range='clip')]
OTHER = {
    'max_length': (2048, {}),
    'init_std': (0.5, {}),
    'out_of_range': ('clip', dict(max_length=16)),
}
UNCOMPARED = {'init_std'}


class Oracle(oracles.Oracle):
    def embed_one(self, x_D, i):
        table_RD = self.weights['table']
        return x_D + table_RD[min(i, len(table_RD) - 1) if self.options['out_of_range'] == 'clip' else i]
