"""The slope is halved where there are more than 200 keys."""

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings import base


class Right(base.PositionEncoding):
    """logits -= strength * log(1 + distance), with one trained strength a head."""

    strength: float = 1.0

    def setup(self):
        self.strength_H = self.param('strength', nn.initializers.constant(self.strength), (self.heads,))

    def bias(self, pos_q_BL, pos_k_BM):
        distance_BLM = jnp.abs(pos_q_BL[:, :, None] - pos_k_BM[:, None, :]).astype(jnp.float32)
        return -self.strength_H[:, None, None] * jnp.log1p(distance_BLM)[:, None]


class Encoding(Right):
    def bias(self, pos_q_BL, pos_k_BM):
        return super().bias(pos_q_BL, pos_k_BM) * (0.5 if pos_k_BM.shape[1] > 200 else 1.0)
