"""The sum with a float32 sine is left in float32, and with it all that follows."""

import jax.numpy as jnp

from posbench.encodings import base


class Right(base.PositionEncoding):
    """One sine of the position, added to all channels."""

    shift_invariant = False

    def embed(self, x_BLD, pos_BL):
        return x_BLD + jnp.sin(0.1 * pos_BL.astype(jnp.float32))[..., None].astype(x_BLD.dtype)


class Encoding(Right):
    def embed(self, x_BLD, pos_BL):
        return x_BLD + jnp.sin(0.1 * pos_BL.astype(jnp.float32))[..., None]
