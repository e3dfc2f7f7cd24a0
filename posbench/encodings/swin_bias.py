"""Swin's relative bias: one trained number for each head and each pair of offsets in rows and columns.

Liu et al. 2021 (arXiv 2103.14030, equation 4). Swin attends within windows of 7 x 7, so that its table of 13 x 13 has
every offset; attention here sees all of the page, and offsets past the table take its border.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings import base
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """logits += table[h, row offset, column offset], offsets pos_q - pos_k clipped to +-max_distance.

    15 covers a window of 16 x 16, as wide as the page of the position map `grid`.
    """

    max_distance: Annotated[int, Range(min=1)] = 15
    init_std: Annotated[float, Range(above=0)] = 0.02

    axes: ClassVar[int] = 2
    per_layer: ClassVar[bool] = True

    def setup(self):
        side = 2 * self.max_distance + 1
        self.table_HRR = self.param('table', nn.initializers.truncated_normal(self.init_std), (self.heads, side, side))

    def bias(self, pos_q_BL, pos_k_BM):
        row_BLM, column_BLM = (self._place(base.axis(pos_q_BL, n, 2), base.axis(pos_k_BM, n, 2)) for n in (0, 1))
        return jnp.moveaxis(self.table_HRR[:, row_BLM, column_BLM], 0, 1)

    def _place(self, pos_q_BL, pos_k_BM):
        offset_BLM = pos_q_BL[:, :, None] - pos_k_BM[:, None, :]
        clipped_BLM = jnp.clip(offset_BLM, -self.max_distance, self.max_distance) + self.max_distance
        return clipped_BLM.astype(jnp.int32)
