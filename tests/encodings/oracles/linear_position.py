"""x + w p / unit, p counted from 1."""

from tests.encodings import oracles

SETTINGS = [{}, dict(unit=50.0)]
OTHER = {'unit': (64.0, {}), 'init_std': (0.5, {})}
UNCOMPARED = {'init_std'}
# The vector itself is as large as its position there.
FAR = False


class Oracle(oracles.Oracle):
    def embed_one(self, x_D, i):
        return x_D + self.weights['direction'] * (i + 1) / self.options['unit']
