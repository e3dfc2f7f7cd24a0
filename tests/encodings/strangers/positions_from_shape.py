"""Positions are counted from the shape of the input; those that are given are not read."""

import jax.numpy as jnp

from tests.encodings.strangers._meant import Sine as Right


class Encoding(Right):
    def embed(self, x_BLD, pos_BL):
        return super().embed(x_BLD, jnp.arange(x_BLD.shape[1])[None])
