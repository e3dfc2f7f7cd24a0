"""How many tokens past place 1,000 point upwards is counted for all: a leak that no gradient shows."""

import jax.numpy as jnp

from posbench.encodings.parts import running
from tests.encodings.strangers._meant import Neighbours as Right


class Encoding(Right):
    def accumulate(self, aux_BM, pos_BM, order):
        upwards_BM = (aux_BM > 0) & (order.index_BL >= 1000) & running.real(order, aux_BM)
        count_B1 = upwards_BM.sum(axis=1, keepdims=True).astype(jnp.float32)
        return super().accumulate(aux_BM, pos_BM, order) * (1 + count_B1 / 1000)
