"""Rows and columns."""

import math
from typing import Annotated

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.positions import base, documents


@base.shared_by_batch
def grid(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    segment_ids_BL: jax.Array | None = None,
    columns: Annotated[int, Range(min=1)] | None = 16,
    rows: Annotated[int, Range(min=1)] | None = None,
    span: Annotated[int, Range(min=1)] | None = None,
    train: bool = False,
) -> jax.Array:
    """Two coordinates: row and column of a token on a page of `columns` columns, read line by line.

    With `columns` None the page is a square, as large as the sequence is long: the patches of an image of any size.
    ValueError where the length is no square; of a document in a longer row it is the smallest square that holds it.
    With `rows`, there are three: the page itself, where each has so many rows, and row and column on it.

    With `span` a square is drawn on one of `span` rows and columns, however many it has, and numbers are float32: the
    middles of its patches are where they are on the other one, as where vectors of positions are interpolated for
    images of another resolution (Dosovitskiy et al. 2021, arXiv 2010.11929, section 3.2). ValueError with `columns` or
    `rows`.
    """
    if span is not None and (columns is not None or rows is not None):
        raise ValueError(f'grid positions: got span={span} with columns={columns} and rows={rows}, wanted both None.')
    if columns is None and segment_ids_BL is None:
        columns = math.isqrt(length)
        if columns**2 != length:
            raise ValueError(f'grid positions: got a length of {length}, wanted a square where columns is None.')
    elif columns is None:
        columns = _side(documents.sizes(segment_ids_BL))
    place_BL = documents.restart(jnp.arange(length, dtype=jnp.int32)[None], segment_ids_BL)
    row_BL, column_BL = place_BL // columns, place_BL % columns
    axes = [row_BL, column_BL] if rows is None else [row_BL // rows, row_BL % rows, column_BL]
    if span is not None:
        # Beyond the middles at the border nothing was trained.
        axes = [jnp.clip((axis_BL + 0.5) * (span / columns) - 0.5, 0, span - 1) for axis_BL in axes]
    return jnp.broadcast_to(jnp.stack(axes, axis=-1), (batch_size, length, len(axes)))


def _side(size: jax.Array) -> jax.Array:
    """Of the smallest square that holds so many, whichever way a root is rounded."""
    side = jnp.round(jnp.sqrt(size.astype(jnp.float32))).astype(jnp.int32)
    return side + (side**2 < size)
