"""Rotations of whole blocks of channels whose generators commute, so that only differences of positions count.

Yu et al. 2025, "ComRoPE" (arXiv 2506.03737), both solutions, as in the authors' code. It acts on queries and keys.
"""

from typing import Annotated, ClassVar, Literal

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import planes, skew
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """Each block n of `block` channels of a head is multiplied by exp((row m_0n + column m_1n) A_n / extent).

    A_n = F_n - transpose of F_n is learned; F starts normal with `init_std`. `kind='ld'` (linearly dependent): the
    factors m are learned too, shared by the heads, and start normal. `kind='ap'` (axial partition): m is 1 for one of
    the two coordinates and 0 for the other, in turn from block to block. `extent` is how many tokens the coordinates
    count as 1: an image is 1 wide and high there.
    """

    kind: Literal['ap', 'ld'] = 'ld'
    block: Annotated[int, Range(min=2)] = 8
    extent: Annotated[float, Range(above=0)] = 16.0
    init_std: Annotated[float, Range(above=0)] = 1.0

    per_layer: ClassVar[bool] = True
    axes: ClassVar[int] = 2

    def setup(self):
        self.count, size = skew.blocks(self.head_width, self.block)
        shape = (self.heads, self.count, size, size)
        self.angles_HNII = self.param('angles', nn.initializers.normal(self.init_std), shape)
        if self.kind == 'ld':
            self.factor_AN = self.param('factor', nn.initializers.normal(1.0), (2, self.count))
        elif self.count % 2:
            raise ValueError(
                f"comrope: got kind='ap' and {self.count} blocks of {size} channels, wanted an even number."
            )

    def accumulate(self, aux_BM, pos_BM, order):
        # Once for queries and keys.
        factor_AN = self.factor_AN if self.kind == 'ld' else jnp.eye(2)[:, jnp.arange(self.count) % 2]
        rate_AN = jnp.tile(factor_AN / self.extent, self.heads)
        places = base.all_axes(pos_BM, self.axes)
        amount_BMN = sum(place_BM[..., None] * rate_N for place_BM, rate_N in zip(places, rate_AN))
        return amount_BMN, planes.waves(places, rate_AN, self._generators())

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        amount_BLN, turns = aux
        return planes.rotate(x_BLHK, amount_BLN, self._generators(), turns)

    def _generators(self):
        """Skew-symmetric, of the blocks of all heads: [H N, I, I]."""
        angles_NII = self.angles_HNII.reshape(-1, *self.angles_HNII.shape[2:])
        return angles_NII - jnp.swapaxes(angles_NII, -2, -1)
