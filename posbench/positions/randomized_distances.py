"""Distances drawn without replacement, as the released code of `randomized` draws them."""

from typing import Annotated

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.positions import base


@base.shared_by_batch
def randomized_distances(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    max_position: Annotated[int, Range(min=1)] = 2048,
    train: bool = False,
) -> jax.Array:
    """0, and `length` - 1 numbers drawn without replacement from [1, max_position), in rising order.

    As the released code of `randomized` draws distances, at evaluation too (google-deepmind/
    randomized_positional_encodings, `compute_attention_with_noisy_relative_encodings`).
    """
    base.fits(length, randomized_distances, max_position=max_position)
    drawn_L = 1 + jnp.sort(jax.random.permutation(rng, max_position - 1)[: length - 1]).astype(jnp.int32)
    return jnp.broadcast_to(jnp.pad(drawn_L, (1, 0)), (batch_size, length))
