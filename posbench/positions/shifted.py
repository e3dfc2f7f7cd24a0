"""Sequential positions, moved by one number a sequence."""

from typing import Annotated

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.positions import base
from posbench.positions.sequential import sequential


@base.reaches(lambda length, train, max_shift: length + max_shift - 1 if train else length)
def shifted(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    max_shift: Annotated[int, Range(min=1)] = 500,
    train: bool = False,
) -> jax.Array:
    """Sequential positions plus one number a sequence, uniform in [0, max_shift), in training; none at evaluation.

    Kiyono et al. 2021 (arXiv 2109.05644, section 3.2), "SHAPE". The authors' code evaluates at the largest shift.
    """
    pos_BL = sequential(rng, batch_size, length)
    if not train:
        return pos_BL
    return pos_BL + jax.random.randint(rng, (batch_size, 1), 0, max_shift, dtype=jnp.int32)
