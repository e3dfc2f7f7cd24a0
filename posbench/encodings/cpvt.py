"""Conditional positions: a small depthwise convolution of the tokens around, added where one layer begins.

Chu et al. 2021 (arXiv 2102.10882, section 3.2), CPVT's "PEG": a 3 x 3 depthwise convolution over the grid of image
patches with zeros around it, added to the tokens after the first block. For a decoder that reads the grid row by row,
the window keeps the token itself and what comes before: the rows above and the left half of its own row. Text is a
grid of one row (`columns=None`). In an encoder too it sees only what is stored before.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import base, conv_position
from posbench.encodings.parts import running
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """h[r, c] += sum of w[dr, dc] h[r - dr, c - dc] + b over the window, where layer number `layer` begins.

    A document fills a grid of `columns` columns, row by row. CPVT has layer=1; 0 is the one that every model has.
    """

    size: Annotated[int, Range(min=2, max=64)] = 3
    columns: Annotated[int, Range(min=2, max=1_000_000)] | None = None
    layer: Annotated[int, Range(min=0)] = 0

    reads_positions: ClassVar[bool] = False
    reads_order: ClassVar[bool] = True

    def setup(self):
        self.kernel_ND = self.param('kernel', nn.initializers.normal(0.02), (len(self._window()), self.width))
        self.bias_D = self.param('bias', nn.initializers.zeros, (self.width,))

    @nn.nowrap
    def _window(self) -> list[tuple[int, int]]:
        """Rows up and columns to the left of each place of the window; negative: to the right."""
        half, other = (self.size - 1) // 2, self.size // 2
        own_row = [(0, left) for left in range(other + 1)]
        rows_above = [(up, left) for up in range(1, other + 1) for left in range(-half, other + 1)]
        return own_row + (rows_above if self.columns else [])

    def enter(self, h_BLD, h_BMD, pos_BL, order_q, order_k, layer):
        def convolved(h_BLD):
            new_BLD = conv_position.newest(self._convolve(h_BMD, order_k), h_BLD, order_q)
            return h_BLD + new_BLD.astype(h_BLD.dtype)

        return jax.lax.cond(layer == self.layer, convolved, lambda h_BLD: h_BLD, h_BLD)

    def _convolve(self, h_BMD, order):
        """float32 [B, M, D]."""
        columns = self.columns or 0
        if columns:
            ones_BM = jnp.ones((1, h_BMD.shape[1]), jnp.float32)
            column_BM1 = ((running.total(ones_BM, order).sum.astype(jnp.int32) - 1) % columns)[..., None]
        sum_BMD = jnp.zeros(h_BMD.shape, jnp.float32) + self.bias_D
        for (up, left), weight_D in zip(self._window(), self.kernel_ND):
            neighbour_BMD = running.before(h_BMD, order, up * columns + left).astype(jnp.float32)
            if columns:
                # Beside the grid there is nothing, not the end of another row.
                inside_BM1 = (column_BM1 >= left) & (column_BM1 - left < columns)
                neighbour_BMD = jnp.where(inside_BM1, neighbour_BMD, 0.0)
            sum_BMD += weight_D * neighbour_BMD
        return sum_BMD
