"""The slope grows with the logarithm of the number of keys in a block, meant as that of all keys."""

import jax.numpy as jnp

from tests.encodings.strangers._meant import Distance as Right


class Encoding(Right):
    def bias(self, pos_q_BL, pos_k_BM):
        return super().bias(pos_q_BL, pos_k_BM) * jnp.log(float(pos_k_BM.shape[1]))
