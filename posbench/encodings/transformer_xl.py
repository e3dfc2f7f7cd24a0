"""Transformer-XL's relative attention (Dai et al. 2019, arXiv 1901.02860, section 3.3).

logit = [(q_i + u) · k_j + (q_i + v) · W R_(i-j)] / sqrt(K), with R the sinusoid of the distance.

R_(i-j) holds sines and cosines of i - j, and sin(i - j) = sin i cos j - cos i sin j, so the second term is itself a
dot product of a vector of the query and a vector of the key's position. Queries and keys grow from K to K + D
channels, and no table of distances is ever gathered or shifted: any positions work, in O(L) memory.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import angles, spectra
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """u and v are `content_bias` and `position_bias`; W is `projection`."""

    theta: Annotated[float, Range(above=0)] = 10_000.0
    init_std: Annotated[float, Range(above=0)] = 0.02

    per_layer: ClassVar[bool] = True
    even_width: ClassVar[bool] = True

    def setup(self):
        per_head = (self.heads, self.head_width)
        self.content_bias_HK = self.param('content_bias', nn.initializers.normal(self.init_std), per_head)
        self.position_bias_HK = self.param('position_bias', nn.initializers.normal(self.init_std), per_head)
        init = nn.initializers.variance_scaling(1.0, 'fan_in', 'normal', in_axis=0, out_axis=(1, 2))
        self.projection_DHK = self.param('projection', init, (self.width, *per_head))

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        x = x_BLHK.astype(jnp.float32)
        cos, sin = angles.waves(pos_BL[..., None, None], spectra.geometric(self.theta, self.width))
        if role == 'key':
            position_BLHD = jnp.concatenate([cos, sin], axis=-1)
            position_BLHD = jnp.broadcast_to(position_BLHD, (*x.shape[:-1], self.width))
            return jnp.concatenate([x, position_BLHD], axis=-1).astype(x_BLHK.dtype)
        weight_BLHD = jnp.einsum('BLHK,DHK->BLHD', x + self.position_bias_HK, self.projection_DHK)
        of_sin, of_cos = jnp.split(weight_BLHD, 2, axis=-1)
        wide = [x + self.content_bias_HK, of_cos * cos + of_sin * sin, of_cos * sin - of_sin * cos]
        return jnp.concatenate(wide, axis=-1).astype(x_BLHK.dtype)
