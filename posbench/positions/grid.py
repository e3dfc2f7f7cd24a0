"""Rows and columns."""

import math
from typing import Annotated

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.positions import base


@base.shared_by_batch
def grid(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    columns: Annotated[int, Range(min=1)] | None = 16,
    rows: Annotated[int, Range(min=1)] | None = None,
    train: bool = False,
) -> jax.Array:
    """Two coordinates: row and column of a token on a page of `columns` columns, read line by line.

    With `columns` None the page is a square, as large as the sequence is long: the patches of an image of any size.
    ValueError where the length is no square. With `rows`, there are three: the page itself, where each has so many
    rows, and row and column on it.
    """
    if columns is None:
        columns = math.isqrt(length)
        if columns**2 != length:
            raise ValueError(f'grid positions: got a length of {length}, wanted a square where columns is None.')
    index_L = jnp.arange(length, dtype=jnp.int32)
    row_L, column_L = index_L // columns, index_L % columns
    axes = [row_L, column_L] if rows is None else [row_L // rows, row_L % rows, column_L]
    return jnp.broadcast_to(jnp.stack(axes, axis=-1), (batch_size, length, len(axes)))
