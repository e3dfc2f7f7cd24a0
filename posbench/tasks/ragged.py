"""Rows of tokens of sizes that are known only when they are made, put one after the other into arrays of fixed sizes.

Shapes stay fixed and sizes may be traced; what follows the last token is no token, whatever stands there.
"""

import jax
import jax.numpy as jnp

Sized = tuple[jax.Array, jax.Array | int]


def joined(room: int, *parts: jax.Array | Sized) -> Sized:
    """Parts one after the other, in an array of `room`, and their size together.

    Args:
      parts: tokens, or (tokens, how many of them from the first).
    """
    place_R = jnp.arange(room)
    joined_R, start = jnp.zeros(room, jnp.int32), 0
    for part in parts:
        tokens_N, size = part if isinstance(part, tuple) else (part, len(part))
        tokens_N = jnp.asarray(tokens_N, jnp.int32)
        own_R = tokens_N[jnp.clip(place_R - start, 0, len(tokens_N) - 1)]
        joined_R = jnp.where((place_R >= start) & (place_R < start + size), own_R, joined_R)
        start = start + size
    return joined_R, start


def one_row(room: int, rows: list[dict[str, jax.Array]], fill: dict[str, int]) -> dict[str, jax.Array]:
    """The tokens of rows of a batch, [L] each, one after the other; a token is what has a segment of 0 or more.

    Each of them becomes of the segment that is the number of its row. fill: what follows all, by name; 0 by default.
    """
    rows = [
        row | dict(segment_ids_L=jnp.where(row['segment_ids_L'] < 0, -1, number)) for number, row in enumerate(rows)
    ]
    sizes = [(row['segment_ids_L'] >= 0).sum() for row in rows]

    def of_name(name):
        joined_R, size = joined(room, *((row[name], size) for row, size in zip(rows, sizes)))
        return jnp.where(jnp.arange(room) < size, joined_R, fill.get(name, 0)).astype(rows[0][name].dtype)

    return {name: of_name(name) for name in rows[0]}


def flattened(room: int, rows_NK: jax.Array, sizes_N: jax.Array) -> Sized:
    """The first `sizes_N` tokens of each row, rows one after the other, in an array of `room`; and their size."""
    ends_N = jnp.cumsum(sizes_N)
    place_R = jnp.arange(room)
    # A row without tokens ends where the one before does, and is passed over.
    row_R = jnp.minimum(jnp.searchsorted(ends_N, place_R, side='right'), len(ends_N) - 1)
    column_R = place_R - (ends_N - sizes_N)[row_R]
    return rows_NK[row_R, jnp.clip(column_R, 0, rows_NK.shape[1] - 1)].astype(jnp.int32), ends_N[-1]


def columns(*columns: jax.Array | int) -> jax.Array:
    """Columns side by side, [N, K]; the first one is an array [N], and others may be the same token in all rows."""
    return jnp.stack([jnp.broadcast_to(column, columns[0].shape) for column in columns], axis=1).astype(jnp.int32)


def spelled(room: int, words: Sized, spelled_WC: jax.Array, sizes_W: jax.Array) -> Sized:
    """Every word in the tokens that spell it, in an array of `room`; and how many these are.

    Args:
      words: numbers of words, and how many of them from the first.
      spelled_WC: what spells each word, filled up; of which `sizes_W` are tokens.
    """
    words_P, size = words
    sizes_P = jnp.where(jnp.arange(len(words_P)) < size, jnp.asarray(sizes_W)[words_P], 0)
    return flattened(room, jnp.asarray(spelled_WC)[words_P], sizes_P)
