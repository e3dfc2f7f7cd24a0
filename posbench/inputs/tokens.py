"""Token vectors combined with positions, and the same vectors as output weights."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.inputs import base


class Input(base.Input):
    """Random token vectors, trained, times sqrt(D); the encoding's `embed` hook adds what it knows of positions.

    A style may have another factor than sqrt(D), and a norm of the sum.

    The vectors start at standard deviation D^-1/2, so that the residual stream starts at 1, the scale of sinusoids
    (Vaswani et al. 2017, arXiv 1706.03762, section 3.4), and tied logits start at 1 as well.
    """

    def setup(self):
        shape = (self.vocabulary, self.width)
        self.vectors_VD = self.param('vectors', nn.initializers.normal(self.width**-0.5), shape)
        self.setup_combined()

    def __call__(self, inputs, pos, encoding):
        """[B, L, D] in `dtype`, of int32 [B, L]."""
        scale = self.width**0.5 if self.style.vectors_scale is None else self.style.vectors_scale
        x_BLD = (self.vectors_VD[inputs] * scale).astype(self.dtype)
        return self.combined(x_BLD, pos, encoding)

    def logits(self, h_BLD: jax.Array) -> jax.Array:
        """float32 [B, L, V], by dot products with the token vectors themselves."""
        vectors_VD = self.vectors_VD.astype(self.dtype)
        return jnp.einsum('BLD,VD->BLV', h_BLD, vectors_VD, preferred_element_type=jnp.float32)
