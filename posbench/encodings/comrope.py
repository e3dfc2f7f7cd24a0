"""Rotations of whole blocks of channels whose generators commute, so that only differences of positions count.

Yu et al. 2025, "ComRoPE" (arXiv 2506.03737), both solutions, as in the authors' code. It acts on queries and keys.
"""

from typing import Annotated, ClassVar, Literal

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings import base, skew
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
        count, size = skew.blocks(self.head_width, self.block)
        shape = (self.heads, count, size, size)
        self.angles_HNII = self.param('angles', nn.initializers.normal(self.init_std), shape)
        if self.kind == 'ld':
            self.factor_AN = self.param('factor', nn.initializers.normal(1.0), (2, count))
        elif count % 2:
            raise ValueError(f"comrope: got kind='ap' and {count} blocks of {size} channels, wanted an even number.")

    def accumulate(self, aux_BM, pos_BM, order):
        # Once for queries and keys.
        angles_HNII = jnp.asarray(self.angles_HNII)
        count = angles_HNII.shape[1]
        factor_AN = self.factor_AN if self.kind == 'ld' else jnp.eye(2)[:, jnp.arange(count) % 2]
        places = (base.axis(pos_BM, axis, self.axes).astype(jnp.float32) / self.extent for axis in range(2))
        place_BMN = sum(place_BM[..., None] * factor_AN[axis] for axis, place_BM in enumerate(places))
        # Each block has a generator, and an amount, of its own.
        generators_HNII = angles_HNII - jnp.swapaxes(angles_HNII, -2, -1)
        return skew.changes(place_BMN, jnp.eye(count)[:, None, :, None, None] * generators_HNII)

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        return skew.rotate(x_BLHK, aux)
