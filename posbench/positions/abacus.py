"""Places in runs of digits."""

from typing import Annotated

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.positions import base, documents

DIGITS = base.Looked('0123456789')


@base.looks_for(digits=DIGITS)
@base.first_shared
def abacus(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    tokens_BL: jax.Array,
    segment_ids_BL: jax.Array | None = None,
    digits: tuple[int, ...] | None = None,
    max_shift: Annotated[int, Range(min=1)] = 100,
    train: bool = False,
) -> jax.Array:
    """Two coordinates: the place in the sequence, and the place in a run of digits, counted from 1; 0 elsewhere.

    In training all places in a run are moved by one number a batch, uniform in [0, max_shift). `digits` are token ids;
    None: those of 0 to 9, of bytes where no run says which tokens there are. McLeish et al. 2024 (arXiv 2405.17399,
    section 3.1).
    """
    segment_ids_BL = jnp.zeros_like(tokens_BL) if segment_ids_BL is None else segment_ids_BL
    digits = base.as_bytes(digits, DIGITS.characters)
    is_digit_BL = jnp.isin(tokens_BL, jnp.asarray(digits))
    shift = jax.random.randint(rng, (), 0, max_shift, dtype=jnp.int32) if train else 0
    place_BL = jnp.where(is_digit_BL, 1 + shift + documents.packed(documents.runs(is_digit_BL, segment_ids_BL)), 0)
    return jnp.stack([documents.packed(segment_ids_BL), place_BL.astype(jnp.int32)], axis=-1)
