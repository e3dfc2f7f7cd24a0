"""Past place 100 a token hears its right neighbour instead of the left one: a sign that is wrong for long ones."""

import jax.numpy as jnp

from posbench.encodings.parts import running
from tests.encodings.strangers._meant import Neighbours as Right


class Encoding(Right):
    def accumulate(self, aux_BM, pos_BM, order):
        right = running.before(aux_BM, order, 0) + running.before(aux_BM, order, -1)
        return jnp.where(order.index_BL > 100, right, super().accumulate(aux_BM, pos_BM, order))
