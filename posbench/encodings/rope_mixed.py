"""Rotary embedding in two dimensions whose frequencies are learned: each pair turns with row and column at once.

Heo et al. 2024 (arXiv 2403.13298, section 3.3, "RoPE-Mixed"), with the initial values of their released rope-vit. It
acts on queries and keys.
"""

import math
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import angles, rotation
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """Pair c of head h turns by row * f[0, h, c] + column * f[1, h, c]; pairs are channels 2c and 2c + 1.

    The directions (f[0], f[1]) start with the lengths theta^(-4c/K), c = 0 .. K/4 - 1, once along an angle drawn for
    each head and once at right angles to it.
    """

    theta: Annotated[float, Range(above=0)] = 10.0

    per_layer: ClassVar[bool] = True
    axes: ClassVar[int] = 2
    even_head_width: ClassVar[bool] = True

    def setup(self):
        shape = (2, self.heads, self.head_width // 2)
        self.frequencies_AHC = self.param('frequencies', self._draw, shape)

    def _draw(self, rng, shape):
        _, heads, pairs = shape
        count = pairs - pairs // 2
        length_C = self.theta ** (-jnp.arange(count) / count)
        along_HC = jax.random.uniform(rng, (heads, 1), maxval=2 * math.pi) + jnp.zeros(count)
        angle_HC = jnp.concatenate([along_HC, along_HC + math.pi / 2], axis=-1)[:, :pairs]
        return jnp.tile(length_C, 2)[:pairs] * jnp.stack([jnp.cos(angle_HC), jnp.sin(angle_HC)])

    def accumulate(self, aux_BM, pos_BM, order):
        # Once for queries and keys.
        place_ABM, frequencies_AHC = base.all_axes(pos_BM, self.axes), jnp.asarray(self.frequencies_AHC)
        parts = (angles.angles(x_BM[..., None, None], f_HC) for x_BM, f_HC in zip(place_ABM, frequencies_AHC))
        return rotation.learned_waves(sum(parts))

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        return rotation.turn_shared(x_BLHK, aux, 'interleaved')
