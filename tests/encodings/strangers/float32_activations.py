"""The sum with a float32 sine is left in float32, and with it all that follows."""

import jax.numpy as jnp

from tests.encodings.strangers._meant import Sine as Right


class Encoding(Right):
    def embed(self, x_BLD, pos_BL):
        return x_BLD + jnp.sin(0.1 * pos_BL.astype(jnp.float32))[..., None]
