"""What is kept of each token is scaled by the largest of the tokens that are read with it, later ones included."""

import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import running


class Right(base.PositionEncoding):
    """A key counts for more where its token and the one before it say so."""

    reads_positions = False
    reads_order = True
    needs_causal = True

    def aux(self, x_BLD, pos_BL):
        return jnp.tanh(x_BLD[..., 0].astype(jnp.float32))

    def accumulate(self, aux_BM, pos_BM, order):
        return running.before(aux_BM, order, 0) + running.before(aux_BM, order, 1)

    def score(self, logits_BHLM, block, carry):
        return logits_BHLM + block.aux_k[:, None, None, :], carry


class Encoding(Right):
    def aux(self, x_BLD, pos_BL):
        aux_BL = super().aux(x_BLD, pos_BL)
        return aux_BL / (1 + jnp.abs(aux_BL).max(axis=1, keepdims=True))
