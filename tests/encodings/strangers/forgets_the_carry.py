"""How much lies between query and key is summed within a block; what the blocks before it carried is dropped."""

import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import running


class Right(base.PositionEncoding):
    """Each key fades by what the keys after it, up to the query, are worth to the query."""

    reads_positions = False
    reads_order = True
    needs_causal = True

    def first_carry(self, q_BLHK):
        return jnp.zeros((q_BLHK.shape[0], q_BLHK.shape[2], q_BLHK.shape[1]), jnp.float32)

    def score(self, logits_BHLM, block, carry):
        worth_BHLM = jnp.where(block.allowed_BLM[:, None], jax.nn.sigmoid(logits_BHLM), 0)
        later_BHLM = running.above(worth_BHLM) + carry[..., None]
        return logits_BHLM - later_BHLM, carry + worth_BHLM.sum(axis=-1)


class Encoding(Right):
    def score(self, logits_BHLM, block, carry):
        return super().score(logits_BHLM, block, jnp.zeros_like(carry))
