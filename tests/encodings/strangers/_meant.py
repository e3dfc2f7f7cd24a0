"""What several strangers meant; each file says what its own made of it."""

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import running


class Neighbours(base.PositionEncoding):
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


class Sine(base.PositionEncoding):
    """One sine of the position, added to all channels."""

    shift_invariant = False

    def embed(self, x_BLD, pos_BL):
        return x_BLD + jnp.sin(0.1 * pos_BL.astype(jnp.float32))[..., None].astype(x_BLD.dtype)


class Distance(base.PositionEncoding):
    """logits -= strength * log(1 + distance), with one trained strength a head."""

    strength: float = 1.0

    def setup(self):
        self.strength_H = self.param('strength', nn.initializers.constant(self.strength), (self.heads,))

    def bias(self, pos_q_BL, pos_k_BM):
        distance_BLM = jnp.abs(pos_q_BL[:, :, None] - pos_k_BM[:, None, :]).astype(jnp.float32)
        return -self.strength_H[:, None, None] * jnp.log1p(distance_BLM)[:, None]
