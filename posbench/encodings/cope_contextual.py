"""Contextual positions (CoPE): the distance to a key is how many tokens in between the query chose to count.

Golovneva et al. 2024 (arXiv 2405.18719). Gates are read from the logits of attention, the first of the paper's
variants. Its equations add the position vector to the key, so that it is scaled as the key is; the code that it lists
scales q · k by K^-1/2 and leaves the position term unscaled, which is `scaled=False`.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import running
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """logits += q · table(p) / sqrt(K), p = the sum of sigmoid(logits) from this key to the query, both included.

    Between two rows of the table, which all heads share, a position is interpolated; from `max_positions` - 1 on it is
    the last row. Keys that the mask hides do not count.
    """

    max_positions: Annotated[int, Range(min=2)] = 64
    scaled: bool = True

    per_layer: ClassVar[bool] = True
    reads_positions: ClassVar[bool] = False
    reads_order: ClassVar[bool] = True
    needs_causal: ClassVar[bool] = True

    def setup(self):
        shape = (self.max_positions, self.head_width)
        self.table_RK = self.param('table', nn.initializers.zeros_init(), shape)

    def first_carry(self, q_BLHK):
        """What a query has counted so far, [B, H, L]."""
        batch, length, heads, _ = q_BLHK.shape
        return jnp.zeros((batch, heads, length), jnp.float32)

    def score(self, logits_BHLM, block, carry):
        gate_BHLM = jax.nn.sigmoid(logits_BHLM)
        if block.allowed_BLM is not None:
            gate_BHLM = jnp.where(block.allowed_BLM[:, None], gate_BHLM, 0.0)
        counted_BHLM = carry[..., None] + running.above(gate_BHLM) + gate_BHLM
        q_BLHK, table_RK = block.q_BLHK, self.table_RK.astype(block.q_BLHK.dtype)
        by_row_BHLR = jnp.einsum('BLHK,RK->BHLR', q_BLHK, table_RK, preferred_element_type=jnp.float32)
        if not self.scaled:
            by_row_BHLR = by_row_BHLR * self.head_width**0.5
        position_BHLM = jnp.minimum(counted_BHLM, self.max_positions - 1.0)
        # One less than the last row, so that there is always a row above.
        row_BHLM = jnp.minimum(jax.lax.stop_gradient(position_BHLM).astype(jnp.int32), self.max_positions - 2)
        below_BHLM = jnp.take_along_axis(by_row_BHLR, row_BHLM, axis=3)
        step_BHLM = jnp.take_along_axis(jnp.diff(by_row_BHLR, axis=3), row_BHLM, axis=3)
        return logits_BHLM + below_BHLM + (position_BHLM - row_BHLM) * step_BHLM, counted_BHLM[..., 0]
