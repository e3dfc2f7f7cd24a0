"""A key's logit hears that of the key before it, which at the border of a block is in another one."""

import jax.numpy as jnp

from posbench.encodings import base


class Right(base.PositionEncoding):
    """Half of the logit of the key before is added to that of each key; one more key beside a block is asked for."""

    reads_positions = False
    reads_order = True
    needs_causal = True
    halo = 1

    def score(self, logits_BHLM, block, carry):
        logits_BHLM = jnp.where(block.allowed_BLM[:, None], logits_BHLM, 0)
        return logits_BHLM + 0.5 * jnp.roll(logits_BHLM, 1, axis=-1), carry


class Encoding(Right):
    halo = 0

    def score(self, logits_BHLM, block, carry):
        logits_BHLM = jnp.where(block.allowed_BLM[:, None], logits_BHLM, 0)
        return logits_BHLM + 0.5 * jnp.pad(logits_BHLM[..., :-1], ((0, 0), (0, 0), (0, 0), (1, 0))), carry
