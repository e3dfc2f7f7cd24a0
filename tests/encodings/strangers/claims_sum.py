"""Token vectors are turned where they enter, and the claim `embed_adds` is left as it was, True."""

import jax.numpy as jnp

from tests.encodings.strangers._meant import Sine


class Encoding(Sine):
    def embed(self, x_BLD, pos_BL):
        return x_BLD * jnp.sin(0.1 * pos_BL.astype(jnp.float32))[..., None].astype(x_BLD.dtype)


class Right(Encoding):
    embed_adds = False
