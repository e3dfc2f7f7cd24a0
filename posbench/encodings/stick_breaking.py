"""Stick-breaking attention: from the query backwards, each key breaks its share off what nearer keys left.

Tan et al. 2024 (arXiv 2410.17980, section 2). There is no softmax: the shares of a query add up to at most 1, and the
first token, which has nothing before it, reads nothing. The order of keys is the order in which tokens are stored.

What is left of the stick is lost, or goes to the query's own value, as the tests of the authors' kernels add it
(shawntan/stickbreaking-attention).
"""

from typing import ClassVar, Literal

import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import running

# As attention hides a key: exp of it is 0, and it is finite.
HIDDEN = -1e30


class Encoding(base.PositionEncoding):
    """weight_ij = sigmoid(z_ij) times the product of 1 - sigmoid(z_il) over the keys l between j and i.

    z is the usual logit q · k / sqrt(K). A query does not see its own key, unless `attend_current`;
    with `remainder` what all keys left of the stick is the weight of its own value.
    """

    attend_current: bool = False
    remainder: bool = False

    needs_causal: ClassVar[bool] = True
    reads_order: ClassVar[bool] = True
    reads_positions: ClassVar[bool] = False
    neutral_at_zero: ClassVar[bool] = False
    normaliser: ClassVar[Literal['softmax', 'exp']] = 'exp'

    def accumulate(self, aux_BM, pos_BM, order):
        # By its place a query knows which key is its own.
        return order.index_BL

    def first_carry(self, q_BLHK):
        """The logarithm of the stick that is left."""
        return jnp.zeros((q_BLHK.shape[0], q_BLHK.shape[2], q_BLHK.shape[1]), jnp.float32)

    def score(self, logits_BHLM, block, carry):
        seen_BLM = block.allowed_BLM
        if not self.attend_current:
            seen_BLM = seen_BLM & (block.aux_q[:, :, None] != block.aux_k[:, None, :])
        seen_BHLM = seen_BLM[:, None]
        kept_BHLM = jnp.where(seen_BHLM, running.log_sigmoid(-logits_BHLM), 0.0)
        above_BHLM = running.above(kept_BHLM)
        # The share itself is log sigmoid(logit) = logit + log sigmoid(-logit).
        shares_BHLM = jnp.where(seen_BHLM, logits_BHLM + kept_BHLM + carry[..., None] + above_BHLM, HIDDEN)
        return shares_BHLM, carry + above_BHLM[..., 0] + kept_BHLM[..., 0]

    def finish(self, out_BLHK, v_BLHK, carry):
        if not self.remainder:
            return out_BLHK
        return out_BLHK + jnp.exp(jnp.swapaxes(carry, 1, 2))[..., None] * v_BLHK
