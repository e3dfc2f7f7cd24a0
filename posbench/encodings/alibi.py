"""ALiBi: a penalty that grows linearly with distance, with a fixed slope for each head.

Press et al. 2022 (arXiv 2108.12409, section 3).
"""

import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings import base


def slopes(heads: int) -> np.ndarray:
    """float64 [H]: 2^(-8h/H) for a power of two; otherwise every other slope of the next power of two fills the rest.

    The rule for other numbers of heads is the authors' code (get_slopes in fairseq's attention_with_linear_biases).
    """
    power = 2 ** int(np.log2(heads))
    exact = 2.0 ** (-8.0 * np.arange(1, power + 1) / power)
    between = 2.0 ** (-4.0 * np.arange(1, 2 * power + 1, 2) / power)
    return np.concatenate([exact, between[: heads - power]])


class Encoding(base.PositionEncoding):
    """logits -= slope_h * |pos_q - pos_k|."""

    def bias(self, pos_q_BL, pos_k_BM) -> jax.Array:
        distance_BLM = jnp.abs(pos_q_BL[:, :, None] - pos_k_BM[:, None, :]).astype(jnp.float32)
        slope_H = jnp.asarray(slopes(self.heads), jnp.float32)
        return -slope_H[:, None, None] * distance_BLM[:, None]
