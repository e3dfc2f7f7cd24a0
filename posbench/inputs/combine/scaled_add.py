"""The sum of token vectors and position vectors times one number.

Trained, the number is that of Li et al. 2019 (arXiv 1809.08895, section 3.2), who scale sinusoids so in a Transformer
for speech.
"""

import flax.linen as nn
import jax.numpy as jnp

from posbench.inputs.combine import base


class Combination(base.Combination):
    """x + factor p; `trained`: the factor only starts there."""

    factor: float = 1.0
    trained: bool = True

    def setup(self):
        if self.trained:
            self.scale = self.param('factor', nn.initializers.constant(self.factor), ())

    def __call__(self, x_BLT, pos, encoding):
        scale = self.scale if self.trained else jnp.float32(self.factor)
        return x_BLT + (scale * self.vectors(pos, encoding)).astype(self.dtype)
