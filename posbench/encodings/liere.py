"""Rotations of whole blocks of channels, one generator for each coordinate, added up and exponentiated.

Ostmeier et al. 2024, "LieRE" (arXiv 2406.10322, section 4), with the initial values of their code. It acts on queries
and keys.
"""

import math
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings import base
from posbench.encodings.parts import skew
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """Each block of `block` channels of a head is multiplied by exp((row A_0 + column A_1) / extent).

    A_0 and A_1 are skew-symmetric and learned; above the diagonal they start uniform in [0, 2 pi). (The released code
    also subtracts 1/2 there, which the other half takes back.) They need not commute, so more than the difference of
    two positions counts; with blocks of two channels they do, and it is RoPE-Mixed. `extent` is how many tokens the
    coordinates count as 1: an image is 1 wide and high there. Matrices of coordinates far out are exponentials of large
    float32 numbers: off by 1e-4 at 1,000 times the extent, by 2e-2 at 10,000 times.
    """

    block: Annotated[int, Range(min=2)] = 8
    extent: Annotated[float, Range(above=0)] = 16.0

    per_layer: ClassVar[bool] = True
    shift_invariant: ClassVar[bool] = False
    axes: ClassVar[int] = 2

    def setup(self):
        count, size = skew.blocks(self.head_width, self.block)

        def draw(rng, shape):
            return jax.random.uniform(rng, shape, maxval=2 * math.pi)

        self.upper_AHNP = self.param('upper', draw, (2, self.heads, count, size * (size - 1) // 2))

    def accumulate(self, aux_BM, pos_BM, order):
        # Once for queries and keys.
        _, size = skew.blocks(self.head_width, self.block)
        place_BMA = jnp.stack(base.all_axes(pos_BM, self.axes), axis=-1)
        generators_AHNII = jnp.einsum('AHNP,PIJ->AHNIJ', self.upper_AHNP, _generators(size), precision='highest')
        return skew.changes(place_BMA.astype(jnp.float32) / self.extent, generators_AHNII)

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        return skew.rotate(x_BLHK, aux)


def _generators(size: int) -> np.ndarray:
    """The skew-symmetric matrix of each place above the diagonal, row by row: float32 [P, I, I]."""
    rows, columns = np.triu_indices(size, 1)
    generators_PII = np.zeros((len(rows), size, size), np.float32)
    generators_PII[np.arange(len(rows)), rows, columns] = 1
    generators_PII[np.arange(len(rows)), columns, rows] = -1
    return generators_PII
