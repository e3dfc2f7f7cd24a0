"""iRPE: relative keys on a page: near offsets one by one, far ones in logarithmic buckets, rows times columns.

Wu et al. 2021 (arXiv 2107.14222, equation 18, the product method). The defaults are those of the authors' code
(microsoft/Cream, irpe.py): on keys, contextual, one table for all heads of a layer, starting at 0.
"""

from typing import Annotated, ClassVar, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings import base
from posbench.knobs import Range


def bucket(offset: jax.Array, ratio: float) -> jax.Array:
    """int32 in [0, 2 b], b = int(2 ratio): near offsets one by one, b and -b for all far ones.

    Piecewise: offsets up to alpha = ratio round to themselves, those beyond to alpha + (beta - alpha) log(offset/alpha)
    / log(gamma/alpha), at most beta, with beta = 2 ratio and gamma = 8 ratio. The code cuts the bound off to int(beta).
    """
    alpha, beta, gamma = ratio, 2 * ratio, 8 * ratio
    offset = offset.astype(jnp.float32)
    size = jnp.abs(offset)
    # max(.., alpha) keeps the logarithm finite; such offsets take the near branch.
    far = alpha + jnp.log(jnp.maximum(size, alpha) / alpha) * ((beta - alpha) / np.log(gamma / alpha))
    far = jnp.minimum(jnp.round(far), int(beta))
    return (jnp.where(size <= alpha, jnp.round(offset), jnp.sign(offset) * far) + int(beta)).astype(jnp.int32)


class Encoding(base.PositionEncoding):
    """logits += q · table[bucket(row offset), bucket(column offset)] / sqrt(K), offsets pos_q - pos_k.

    `mode='bias'`: logits += table[...], whatever the query is. `shared_heads` False: a table for each head.
    """

    ratio: Annotated[float, Range(min=0.5)] = 1.9
    mode: Literal['contextual', 'bias'] = 'contextual'
    shared_heads: bool = True

    axes: ClassVar[int] = 2
    per_layer: ClassVar[bool] = True

    def setup(self):
        rows = (2 * int(2 * self.ratio) + 1) ** 2
        heads = 1 if self.shared_heads else self.heads
        shape = (heads, rows, self.head_width) if self.mode == 'contextual' else (heads, rows)
        self.table = self.param('table', nn.initializers.zeros, shape)

    def bias(self, pos_q_BL, pos_k_BM):
        if self.mode == 'contextual':
            return None
        bias_BHLM = jnp.moveaxis(self.table[:, self._row(pos_q_BL, pos_k_BM)], 0, 1)
        return jnp.broadcast_to(bias_BHLM, (bias_BHLM.shape[0], self.heads, *bias_BHLM.shape[2:]))

    def score(self, logits_BHLM, block, carry):
        if self.mode == 'bias':
            return logits_BHLM, carry
        # All dot products q · table first, then a look-up for each pair: memory O(L R + L M), never O(L M K).
        table_HRK = jnp.broadcast_to(self.table, (self.heads, *self.table.shape[1:])).astype(block.q_BLHK.dtype)
        by_row_BHLR = jnp.einsum('BLHK,HRK->BHLR', block.q_BLHK, table_HRK, preferred_element_type=jnp.float32)
        row_BLM = self._row(block.pos_q_BL, block.pos_k_BM)
        return logits_BHLM + jnp.take_along_axis(by_row_BHLR, row_BLM[:, None], axis=-1, mode='clip'), carry

    def _row(self, pos_q_BL, pos_k_BM):
        row_BLM, column_BLM = (
            bucket(base.axis(pos_q_BL, n, 2)[:, :, None] - base.axis(pos_k_BM, n, 2)[:, None, :], self.ratio)
            for n in (0, 1)
        )
        return row_BLM * (2 * int(2 * self.ratio) + 1) + column_BLM
