"""Positions run from 0 to 1, so that each one depends on how long the sequence is."""

import jax.numpy as jnp

from posbench.encodings import base


class Right(base.PositionEncoding):
    """One sine of the position, added to all channels."""

    shift_invariant = False

    def embed(self, x_BLD, pos_BL):
        return x_BLD + jnp.sin(0.1 * pos_BL.astype(jnp.float32))[..., None].astype(x_BLD.dtype)


class Encoding(Right):
    def embed(self, x_BLD, pos_BL):
        share_BL = pos_BL.astype(jnp.float32) / x_BLD.shape[1]
        return x_BLD + jnp.sin(6.28 * share_BL)[..., None].astype(x_BLD.dtype)
