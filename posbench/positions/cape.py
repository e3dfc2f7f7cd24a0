"""Positions between whole numbers."""

import math
from typing import Annotated

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.positions import documents
from posbench.positions.sequential import sequential


def cape(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    segment_ids_BL: jax.Array | None = None,
    max_global_shift: Annotated[float, Range(min=0)] = 5.0,
    max_local_shift: Annotated[float, Range(min=0)] = 0.5,
    max_global_scaling: Annotated[float, Range(min=1)] = 1.03,
    centred: bool = False,
    train: bool = False,
) -> jax.Array:
    """Positions between whole numbers, float32: (p + shift + jitter) * scale in training, the place p at evaluation.

    For each sequence the shift is uniform in +-max_global_shift and ln(scale) in +-ln(max_global_scaling); for each
    token the jitter is uniform in +-max_local_shift, which up to 0.5 keeps the order of tokens. `centred` counts p from
    the middle of the sequence, or of each document. Encodings that look positions up in a table have no row for these.

    Likhomanenko et al. 2021 (arXiv 2106.03143), "CAPE". Formula and widths are those that gcambara/cape, which follows
    the paper's own listing, gives for text.
    """
    pos_BL = documents.restart(sequential(rng, batch_size, length), segment_ids_BL).astype(jnp.float32)
    if centred:
        size = length if segment_ids_BL is None else documents.sizes(segment_ids_BL)
        pos_BL = pos_BL - (size - 1) / 2
    if not train:
        return pos_BL
    of_shift, of_jitter, of_scale = jax.random.split(rng, 3)

    def uniform(rng, width, limit):
        return jax.random.uniform(rng, (batch_size, width), jnp.float32, -limit, limit)

    shift_B1, log_scale_B1 = uniform(of_shift, 1, max_global_shift), uniform(of_scale, 1, math.log(max_global_scaling))
    jitter_BL = documents.restart(uniform(of_jitter, length, max_local_shift), segment_ids_BL)
    return (pos_BL + shift_B1 + jitter_BL) * jnp.exp(log_scale_B1)
