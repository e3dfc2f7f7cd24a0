"""Numbers drawn without replacement, in rising order."""

from typing import Annotated

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.positions import base, documents


@base.shared_by_batch
@base.reaches(lambda length, train, max_position: max_position)
def randomized(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    segment_ids_BL: jax.Array | None = None,
    max_position: Annotated[int, Range(min=1)] = 2048,
    train: bool = False,
) -> jax.Array:
    """`length` numbers drawn without replacement from [0, max_position), in rising order.

    A document of n tokens in a longer row has the first n of them, in order too: any n are as likely as if it were
    alone. Drawn anew for every batch, at evaluation too, as the authors do (Ruoss et al. 2023, arXiv 2305.16843,
    section 3).
    """
    base.fits(length, randomized, max_position=max_position)
    drawn_1L = jax.random.permutation(rng, max_position)[None, :length].astype(jnp.int32)
    return jnp.broadcast_to(documents.in_order(drawn_1L, segment_ids_BL), (batch_size, length))
