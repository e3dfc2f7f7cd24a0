"""Relative keys: a trained vector for each clipped distance, added to the key.

Shaw et al. 2018 (arXiv 1803.02155, equation 5). The table is shared by the heads of a layer, as in tensor2tensor; the
relative values of equation 3 are not used here.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings import base
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """logits += q · table[clip(pos_k - pos_q, -max_distance, max_distance)] / sqrt(K)."""

    max_distance: Annotated[int, Range(min=1)] = 16

    per_layer: ClassVar[bool] = True

    def setup(self):
        rows = 2 * self.max_distance + 1
        self.table_RK = self.param('table', nn.initializers.glorot_uniform(), (rows, self.head_width))

    def score(self, logits_BHLM, block, carry):
        # All dot products q · table first, then a look-up for each pair: memory O(L R + L M), never O(L M K).
        by_row_BHLR = jnp.einsum(
            'BLHK,RK->BHLR', block.q_BLHK, self.table_RK.astype(block.q_BLHK.dtype), preferred_element_type=jnp.float32
        )
        offset_BLM = block.pos_k_BM[:, None, :] - block.pos_q_BL[:, :, None]
        row_BLM = jnp.clip(offset_BLM, -self.max_distance, self.max_distance) + self.max_distance
        return logits_BHLM + jnp.take_along_axis(by_row_BHLR, row_BLM[:, None], axis=-1), carry
