"""Sequential positions with one gap a sequence."""

import functools
from typing import Annotated

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.positions import base, documents
from posbench.positions.sequential import sequential


@base.reaches(lambda length, train, target_length: target_length if train else length)
def pose(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    segment_ids_BL: jax.Array | None = None,
    target_length: Annotated[int, Range(min=2)] = 1024,
    train: bool = False,
) -> jax.Array:
    """Sequential positions with one gap a sequence in training, somewhere in the text below the middle; none otherwise.

    The first 1 to ceil(length / 2) tokens keep their positions, and the others are moved by a number uniform in
    [0, target_length - length], so that every distance below target_length comes up at the length of training. Zhu et
    al. 2023 (arXiv 2309.10400, "PoSE"), with two chunks as in the authors' code, which also takes the two from
    different places of a longer text. Documents of a longer row each have a gap of their own length. ValueError where
    a sequence is longer than target_length.
    """
    pos_BL = documents.restart(sequential(rng, batch_size, length), segment_ids_BL)
    if not train:
        return pos_BL
    base.fits(length, pose, target_length=target_length)
    # [B, 1], or of each token the tokens of its document.
    size = jnp.full((batch_size, 1), length) if segment_ids_BL is None else documents.sizes(segment_ids_BL)
    of_chunk, of_gap = jax.random.split(rng)

    def drawn(rng, most):
        """From 0 to `most`, evenly: the same for all tokens of a document."""
        one = functools.partial(jax.random.randint, rng, (batch_size,), 0, dtype=jnp.int32)
        return jax.vmap(one, in_axes=1, out_axes=1)(most + 1)

    first, gap = 1 + drawn(of_chunk, (size + 1) // 2 - 1), drawn(of_gap, target_length - size)
    return pos_BL + jnp.where(pos_BL < first, 0, gap)
