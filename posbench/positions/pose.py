"""Sequential positions with one gap a sequence."""

from typing import Annotated

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.positions import base
from posbench.positions.sequential import sequential


def pose(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    target_length: Annotated[int, Range(min=2)] = 1024,
    train: bool = False,
) -> jax.Array:
    """Sequential positions with one gap a sequence in training, somewhere in the text below the middle; none otherwise.

    The first 1 to ceil(length / 2) tokens keep their positions, and the others are moved by a number uniform in
    [0, target_length - length], so that every distance below target_length comes up at the length of training. Zhu et
    al. 2023 (arXiv 2309.10400, "PoSE"), with two chunks as in the authors' code, which also takes the two from
    different places of a longer text. ValueError where a sequence is longer than target_length.
    """
    pos_BL = sequential(rng, batch_size, length)
    if not train:
        return pos_BL
    base.fits(length, pose, target_length=target_length)
    of_chunk, of_gap = jax.random.split(rng)
    first_B1 = jax.random.randint(of_chunk, (batch_size, 1), 1, (length + 1) // 2 + 1, dtype=jnp.int32)
    gap_B1 = jax.random.randint(of_gap, (batch_size, 1), 0, target_length - length + 1, dtype=jnp.int32)
    return pos_BL + jnp.where(pos_BL < first_B1, 0, gap_B1)
