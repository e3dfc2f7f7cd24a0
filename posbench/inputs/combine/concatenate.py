"""Token vectors beside position vectors, brought back to the width of the model: an operator of introductory texts.

A sum is the case of one projection for both.
"""

import flax.linen as nn
import jax.numpy as jnp

from posbench.inputs.combine import base
from posbench.ops import linear


class Combination(base.Combination):
    """[x, p] W with a trained W of 2D x D."""

    def setup(self):
        init = nn.initializers.lecun_normal()
        self.projection_ED = self.param('projection', init, (2 * self.width, self.width))

    def __call__(self, x_BLT, pos, encoding):
        of_tokens_DD, of_positions_DD = jnp.split(self.projection_ED.astype(self.dtype), 2)
        # The positions by themselves, which all rows of a batch may share.
        vectors_BLD = self.vectors(pos, encoding).astype(self.dtype)
        return linear.matmul(x_BLT, of_tokens_DD) + linear.matmul(vectors_BLD, of_positions_DD)
