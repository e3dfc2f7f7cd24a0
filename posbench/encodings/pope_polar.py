"""Polar coordinates: the content of a channel is only a length, its angle is only a position.

Gopalakrishnan et al. 2025, "PoPE" (arXiv 2509.10534, section 3), which is not the Legendre-polynomial encoding of the
same name. Read from its implementation in PoPE-pytorch 0.2. It acts on queries and keys.
"""

import math
from typing import Annotated, ClassVar, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings import base
from posbench.encodings.parts import angles, rotation
from posbench.knobs import Range

TURN = 2 * math.pi


class Encoding(base.PositionEncoding):
    """q_i · k_j = sum over c of mu(q_c) mu(k_c) cos((j - i) theta^(-c/K) + delta_c), with mu = softplus.

    All K channels have a frequency of their own. Each head learns the phases `delta`, kept in [-2 pi, 0]; they start at
    0, or anywhere in there. The cosines come from real vectors of 2K channels; the scale stays K^-1/2.
    """

    theta: Annotated[float, Range(above=0)] = 10_000.0
    initial: Literal['zero', 'uniform'] = 'zero'

    per_layer: ClassVar[bool] = True
    # Lengths are positive, even where positions say nothing.
    neutral_at_zero: ClassVar[bool] = False

    def setup(self):
        def draw(rng, shape):
            return jax.random.uniform(rng, shape, minval=-TURN, maxval=0.0)

        init = nn.initializers.zeros_init() if self.initial == 'zero' else draw
        self.delta_HK = self.param('delta', init, (self.heads, self.head_width))

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        head_width = x_BLHK.shape[-1]
        omega_K = self.theta ** (-np.arange(head_width) / head_width)
        cos, sin = angles.waves(pos_BL[..., None, None], omega_K)
        if role == 'key':
            # At a bound jnp.clip would halve the gradient, and 0, where delta may start, is one.
            inside_HK = (self.delta_HK >= -TURN) & (self.delta_HK <= 0.0)
            delta_HK = jnp.where(inside_HK, self.delta_HK, jnp.clip(self.delta_HK, -TURN, 0.0))
            cos, sin = rotation.added((cos, sin), (jnp.cos(delta_HK), jnp.sin(delta_HK)))
        length_BLHK = nn.softplus(x_BLHK.astype(jnp.float32))
        return jnp.concatenate([length_BLHK * cos, length_BLHK * sin], axis=-1).astype(x_BLHK.dtype)
