"""The left neighbour is added in `aux`, which is cached: the first token of a chunk finds none."""

import jax.numpy as jnp

from posbench.encodings.parts import running
from tests.encodings.strangers._meant import Neighbours as Right


class Encoding(Right):
    def aux(self, x_BLD, pos_BL):
        aux_BL = super().aux(x_BLD, pos_BL)
        return aux_BL + jnp.pad(aux_BL[:, :-1], ((0, 0), (1, 0)))

    def accumulate(self, aux_BM, pos_BM, order):
        return running.before(aux_BM, order, 0)
