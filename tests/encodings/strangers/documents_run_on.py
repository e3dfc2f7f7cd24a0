"""A running sum that does not start anew with each document of a packed row."""

import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import running


class Right(base.PositionEncoding):
    """A key counts for less the more was said before it."""

    reads_positions = False
    reads_order = True
    needs_causal = True

    def aux(self, x_BLD, pos_BL):
        return jnp.square(jnp.tanh(x_BLD[..., 0].astype(jnp.float32)))

    def accumulate(self, aux_BM, pos_BM, order):
        return jnp.log1p(running.total(aux_BM, order).sum)

    def score(self, logits_BHLM, block, carry):
        return logits_BHLM + block.aux_k[:, None, None, :], carry


class Encoding(Right):
    def accumulate(self, aux_BM, pos_BM, order):
        real_BM = running.real(order, aux_BM)
        return jnp.log1p(jnp.cumsum(jnp.where(real_BM, aux_BM, 0), axis=1))
