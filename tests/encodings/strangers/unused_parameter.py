"""A temperature for each head that is made and never used."""

import flax.linen as nn

from tests.encodings.strangers._meant import Distance as Right


class Encoding(Right):
    def setup(self):
        super().setup()
        self.temperature_H = self.param('temperature', nn.initializers.ones, (self.heads,))
