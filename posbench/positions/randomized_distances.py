"""Distances drawn without replacement, as the released code of `randomized` draws them."""

from typing import Annotated

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.positions import base, documents


@base.shared_by_batch
@base.reaches(lambda length, train, max_position: max_position)
def randomized_distances(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    segment_ids_BL: jax.Array | None = None,
    max_position: Annotated[int, Range(min=1)] = 2048,
    train: bool = False,
) -> jax.Array:
    """0, and `length` - 1 numbers drawn without replacement from [1, max_position), in rising order.

    A document of n tokens in a longer row has 0 and the first n - 1 of them, in order too. As the released code of
    `randomized` draws distances, at evaluation too (google-deepmind/randomized_positional_encodings,
    `compute_attention_with_noisy_relative_encodings`).
    """
    base.fits(length, randomized_distances, max_position=max_position)
    drawn_1L = 1 + jax.random.permutation(rng, max_position - 1)[None, : length - 1].astype(jnp.int32)
    drawn_1L = jnp.pad(drawn_1L, ((0, 0), (1, 0)))
    return jnp.broadcast_to(documents.in_order(drawn_1L, segment_ids_BL), (batch_size, length))
