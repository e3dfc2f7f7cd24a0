"""T5's relative bias: one trained number for each head and each bucket of distances, shared by all layers.

Raffel et al. 2020 (arXiv 1910.10683, section 2.1). The attention scale stays 1/sqrt(K) as for all others here; T5
itself has none.
"""

from typing import Annotated

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings.parts import distance_bias
from posbench.knobs import Range


def bucket(distance: jax.Array, buckets: int, max_distance: int, bidirectional: bool) -> jax.Array:
    """Bucket of `distance` = pos_q - pos_k, int32 in [0, buckets); ValueError where no range is logarithmic.

    The first half of the buckets holds one distance each, the second half logarithmic ranges up to `max_distance`,
    and the last one everything beyond. Bidirectional: half of the buckets for keys after the query.
    """
    offset = 0
    if bidirectional:
        buckets //= 2
        offset = jnp.where(distance < 0, buckets, 0)
        distance = jnp.abs(distance)
    distance = jnp.maximum(distance, 0)
    exact = buckets // 2
    if max_distance <= exact:
        raise ValueError(f't5_bias: got max_distance={max_distance}, wanted more than {exact}, the exact buckets.')
    # max(.., 1) keeps log finite; those distances take the exact branch anyway.
    ratio = jnp.log(jnp.maximum(distance, 1).astype(jnp.float32) / exact) / np.log(max_distance / exact)
    coarse = exact + (ratio * (buckets - exact)).astype(jnp.int32)
    return (offset + jnp.where(distance < exact, distance, jnp.minimum(coarse, buckets - 1))).astype(jnp.int32)


class Encoding(distance_bias.DistanceBias):
    """logits += table[h, bucket(pos_q - pos_k)]."""

    buckets: Annotated[int, Range(min=4)] = 32
    max_distance: Annotated[int, Range(min=2)] = 128
    bidirectional: bool = False
    init_std: Annotated[float, Range(above=0)] = 0.02

    def setup(self):
        self.table_HR = self.param('table', nn.initializers.normal(self.init_std), (self.heads, self.buckets))

    def of_distance(self, distance):
        return self.table_HR[:, bucket(distance, self.buckets, self.max_distance, self.bidirectional)]
