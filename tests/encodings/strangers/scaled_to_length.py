"""Positions run from 0 to 1, so that each one depends on how long the sequence is."""

import jax.numpy as jnp

from tests.encodings.strangers._meant import Sine as Right


class Encoding(Right):
    def embed(self, x_BLD, pos_BL):
        share_BL = pos_BL.astype(jnp.float32) / x_BLD.shape[1]
        return x_BLD + jnp.sin(6.28 * share_BL)[..., None].astype(x_BLD.dtype)
