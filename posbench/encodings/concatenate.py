"""Token vectors beside position vectors, projected back to the width of the model.

An operator of introductory texts. A sum is the case of one projection for both; here tokens and positions have their
own, in one matrix. It acts below the first layer.
"""

from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import wrapper


class Encoding(wrapper.Wrapper):
    """[x, p] W with W of 2D x D; p is what `over` would add to the token vectors."""

    over: base.Nested = 'sinusoidal'

    embed_adds: ClassVar[bool] = False

    def setup(self):
        self.projection_ED = self.param('projection', nn.initializers.lecun_normal(), (2 * self.width, self.width))

    def embed(self, x_BLD, pos_BL):
        vectors_BLD = self.vectors(pos_BL)
        of_tokens_DD, of_positions_DD = jnp.split(self.projection_ED.astype(x_BLD.dtype), 2)
        # The positions by themselves, which all rows of a batch may share.
        return x_BLD @ of_tokens_DD + vectors_BLD.astype(x_BLD.dtype) @ of_positions_DD
