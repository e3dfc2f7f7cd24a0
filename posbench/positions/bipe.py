"""Places in sentences, and sentences."""

import jax
import jax.numpy as jnp

from posbench.positions import base, documents

# What ends a sentence, alone or with others in one token.
SEPARATORS = base.Looked('.\n', alone=False)


@base.looks_for(separators=SEPARATORS)
def bipe(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    tokens_BL: jax.Array,
    segment_ids_BL: jax.Array | None = None,
    separators: tuple[int, ...] | None = None,
    train: bool = False,
) -> jax.Array:
    """Two coordinates: the place in a sentence, and the number of the sentence in its document, both from 0.

    A separator ends the sentence that it belongs to. They are token ids; None: those of all tokens with a full stop or
    a line feed in them, of bytes where no run says which tokens there are. He et al. 2024 (arXiv 2401.16421, section
    3.1), "BiPE".
    """
    segment_ids_BL = jnp.zeros_like(tokens_BL) if segment_ids_BL is None else segment_ids_BL
    separators = base.as_bytes(separators, SEPARATORS.characters)
    ends_BL = jnp.isin(tokens_BL, jnp.asarray(separators)).astype(jnp.int32)
    before_BL = jnp.cumsum(ends_BL, axis=1) - ends_BL
    first_BL = jnp.arange(length, dtype=jnp.int32) - documents.packed(segment_ids_BL)
    number_BL = before_BL - jnp.take_along_axis(before_BL, first_BL, axis=1)
    sentence_BL = before_BL + jnp.cumsum(documents.packed(segment_ids_BL) == 0, axis=1)
    return jnp.stack([documents.packed(sentence_BL), number_BL.astype(jnp.int32)], axis=-1)
