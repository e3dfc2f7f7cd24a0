"""KERPLE, power: a penalty that grows with a power of the distance, trained for each head.

Chi et al. 2022 (arXiv 2205.09921, section 4). One pair of numbers a head, shared by all layers as in the authors' code
(chijames/KERPLE), which clamps a at 0.01 from below and p to [0.01, 2] in every forward pass; here a is softplus of a
parameter and p a sigmoid between 0 and `max_power`.
"""

from typing import Annotated

import jax
import jax.numpy as jnp

from posbench.encodings import kerple_log
from posbench.encodings.parts import distance_bias
from posbench.knobs import Range


def _uniform_sigmoid(rng, shape, dtype=jnp.float32):
    """x with sigmoid(x) uniform in (0.005, 0.995)."""
    share = jax.random.uniform(rng, shape, dtype, minval=0.005, maxval=0.995)
    return jnp.log(share) - jnp.log1p(-share)


class Encoding(distance_bias.DistanceBias):
    """logits -= a_h |pos_q - pos_k|^p_h, a positive and 0 < p < max_power.

    They start uniform in (0, init_a) and (0, max_power). Powers up to 2 give a conditionally positive definite kernel.
    """

    max_power: Annotated[float, Range(above=0, max=2)] = 2.0
    init_a: Annotated[float, Range(above=0.01)] = 1.0

    def setup(self):
        self.raw_p_H = self.param('raw_p', _uniform_sigmoid, (self.heads,))
        self.raw_a_H = self.param('raw_a', kerple_log.softplus_uniform(self.init_a), (self.heads,))

    def of_distance(self, distance):
        power = distance_bias.per_head(self.max_power * jax.nn.sigmoid(self.raw_p_H), distance)
        a = distance_bias.per_head(jax.nn.softplus(self.raw_a_H), distance)
        tokens = jnp.abs(distance).astype(jnp.float32)
        # 0^p has no finite gradient in p by way of its logarithm.
        raised = jnp.where(tokens > 0, jnp.where(tokens > 0, tokens, 1.0) ** power, 0.0)
        return -a * raised
