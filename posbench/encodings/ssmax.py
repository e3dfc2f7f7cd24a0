"""Scalable softmax: logits times s ln n for n visible keys, with one trained s for each layer and head.

Nakanishi 2025 (arXiv 2501.19399), "SSMax"; without the bias beside s ln n, which the paper tries and drops. It acts on
rotated queries. s starts at 0.43, the value of the paper's figure 1.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings.parts import temperature
from posbench.knobs import Range


class Encoding(temperature.Temperature):
    """q *= s_h ln n with n = pos + 1."""

    initial: Annotated[float, Range(above=0)] = 0.43

    neutral_at_zero: ClassVar[bool] = False

    def setup(self):
        # Below the first layer, where `over` may have something to embed, no layer's parameters are there.
        if self.is_initializing() or self.has_variable('params', 'scale'):
            self.scale_H = self.param('scale', nn.initializers.constant(self.initial), (self.heads,))

    @nn.nowrap
    def owns_parameters(self):
        return True

    @nn.nowrap
    def split(self, params):
        shared, own = super().split(params)
        return shared, {**own, 'scale': shared.pop('scale')}

    def scale(self, pos_BL):
        return self.scale_H * jnp.log(temperature.visible(pos_BL))[..., None]
