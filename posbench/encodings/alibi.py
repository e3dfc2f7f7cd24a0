"""ALiBi: a penalty that grows linearly with distance, with a slope for each head.

Press et al. 2022 (arXiv 2108.12409, section 3). The paper has causal attention and fixed slopes.
"""

from typing import Annotated

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings.parts import distance_bias
from posbench.knobs import Range


def slopes(heads: int) -> np.ndarray:
    """float64 [H]: 2^(-8h/H) for a power of two; otherwise every other slope of the next power of two fills the rest.

    The rule for other numbers of heads is the authors' code (get_slopes in fairseq's attention_with_linear_biases).
    """
    power = 2 ** int(np.log2(heads))
    exact = 2.0 ** (-8.0 * np.arange(1, power + 1) / power)
    between = 2.0 ** (-4.0 * np.arange(1, 2 * power + 1, 2) / power)
    return np.concatenate([exact, between[: heads - power]])


class Encoding(distance_bias.DistanceBias):
    """logits -= slope_h * |pos_q - pos_k|.

    `breaker` takes so many tokens off the distance of keys before the query, so that an encoder can tell left from
    right: 0.5 in the code of Ruoss et al. 2023 (arXiv 2305.16843). `learned` multiplies each slope by one trained
    positive number that starts at 1; all layers share it.
    """

    breaker: Annotated[float, Range(min=0)] = 0.0
    learned: bool = False

    def setup(self):
        if self.learned:
            self.log_gain_H = self.param('log_gain', nn.initializers.zeros, (self.heads,))

    def of_distance(self, distance) -> jax.Array:
        slope_H = jnp.asarray(slopes(self.heads), jnp.float32)
        if self.learned:
            slope_H = slope_H * jnp.exp(self.log_gain_H)
        tokens = jnp.abs(distance).astype(jnp.float32)
        if self.breaker:
            tokens -= self.breaker * (distance > 0)
        return -distance_bias.per_head(slope_H, distance) * tokens
