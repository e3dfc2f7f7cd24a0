"""One of a few classes for every token, such as its part of speech."""

import jax.numpy as jnp

from posbench.heads import base
from posbench.ops import linear


class Head(base.Head):
    """A linear layer on the vector of each token."""

    says = 'tags'

    def setup(self):
        self.logits = linear.layer(self.classes, self.dtype, use_bias=True)

    def __call__(self, h_BLD, batch, input_layer):
        """float32 [B, L, C]; what stands at padding says nothing."""
        return self.logits(h_BLD).astype(jnp.float32)
