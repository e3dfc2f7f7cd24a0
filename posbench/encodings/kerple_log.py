"""KERPLE, logarithmic: a penalty that grows with the logarithm of the distance, trained for each head.

Chi et al. 2022 (arXiv 2205.09921, section 4). One pair of numbers a head, shared by all layers as in the authors' code
(chijames/KERPLE), which clamps both at 0.01 in every forward pass; here they are positive as softplus of a parameter.
"""

from collections.abc import Callable
from typing import Annotated

import jax
import jax.numpy as jnp

from posbench.encodings.parts import distance_bias
from posbench.knobs import Range


def softplus_uniform(high: float) -> Callable:
    """An initialiser of x with softplus(x) uniform in (0, high), cut off at 0.01 from below."""

    def init(rng, shape, dtype=jnp.float32):
        positive = jnp.maximum(jax.random.uniform(rng, shape, dtype, maxval=high), 0.01)
        return jnp.log(jnp.expm1(positive))

    return init


class Encoding(distance_bias.DistanceBias):
    """logits -= p_h ln(1 + a_h |pos_q - pos_k|), p and a positive.

    They start uniform in (0, init_p) and (0, init_a).
    """

    init_p: Annotated[float, Range(above=0.01)] = 2.0
    init_a: Annotated[float, Range(above=0.01)] = 1.0

    def setup(self):
        self.raw_p_H = self.param('raw_p', softplus_uniform(self.init_p), (self.heads,))
        self.raw_a_H = self.param('raw_a', softplus_uniform(self.init_a), (self.heads,))

    def of_distance(self, distance):
        p, a = (distance_bias.per_head(jax.nn.softplus(raw_H), distance) for raw_H in (self.raw_p_H, self.raw_a_H))
        return -p * jnp.log1p(a * jnp.abs(distance).astype(jnp.float32))
