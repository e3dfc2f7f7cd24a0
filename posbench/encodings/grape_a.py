"""GRAPE-A: an ALiBi whose slope depends on the content of the key, of the query, or of both.

Zhang et al. 2025 (arXiv 2512.07805, additive GRAPE). The scales are those of the authors' code: logits of the gates
divided by sqrt(K), slopes of ALiBi times a trained factor. Keys after the query are as far as those before it, as in
our ALiBi; the paper is about causal attention.
"""

from typing import Annotated, ClassVar, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings import alibi, base
from posbench.knobs import Range

# A trained vector is not divided by less than this.
SHORTEST = 1e-6


def openness(x_BLHK: jax.Array, direction_HK: jax.Array) -> jax.Array:
    """softplus(x · direction), float32 [B, H, L]."""
    return jax.nn.softplus(jnp.einsum('BLHK,HK->BHL', x_BLHK.astype(jnp.float32), direction_HK))


class Encoding(base.PositionEncoding):
    """logits -= |pos_q - pos_k| slope_h softplus(omega_h) (softplus(v_h · q / sqrt(K)) + softplus(u_h · k / sqrt(K))).

    `gate='query'` or 'key' has one of the two summands. With `unit_length` u and v are divided by their length.
    softplus(omega) starts at `init_omega`.
    """

    gate: Literal['query', 'key', 'query_key'] = 'query_key'
    unit_length: bool = True
    init_omega: Annotated[float, Range(above=0)] = 1.0

    per_layer: ClassVar[bool] = True

    def setup(self):
        start = float(np.log(np.expm1(self.init_omega)))
        self.omega_H = self.param('omega', nn.initializers.constant(start), (self.heads,))
        random, shape = nn.initializers.normal(self.head_width**-0.5), (self.heads, self.head_width)
        if self.gate != 'key':
            self.v_HK = self.param('v', random, shape)
        if self.gate != 'query':
            self.u_HK = self.param('u', random, shape)

    def _direction(self, vector_HK):
        if not self.unit_length:
            return vector_HK
        square_H1 = jnp.sum(jnp.square(vector_HK), axis=-1, keepdims=True)
        return vector_HK * jax.lax.rsqrt(jnp.maximum(square_H1, SHORTEST**2))

    def score(self, logits_BHLM, block, carry):
        slope_H = jnp.asarray(alibi.slopes(self.heads), jnp.float32) * jax.nn.softplus(self.omega_H)
        # The slope of each query and of each key; their sum meets the distance. Queries are divided by sqrt(K) already.
        rate_BHLM = 0.0
        if self.gate != 'key':
            of_query_BHL = openness(block.q_BLHK, self._direction(self.v_HK))
            rate_BHLM += (slope_H[:, None] * of_query_BHL)[..., None]
        if self.gate != 'query':
            of_key_BHM = openness(block.k_BMHK, self.head_width**-0.5 * self._direction(self.u_HK))
            rate_BHLM += (slope_H[:, None] * of_key_BHM)[:, :, None]
        distance_BLM = jnp.abs(block.pos_q_BL[:, :, None] - block.pos_k_BM[:, None, :]).astype(jnp.float32)
        return logits_BHLM - distance_BLM[:, None] * rate_BHLM, carry
