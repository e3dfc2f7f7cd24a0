"""Documents in packed or padded sequences: places inside them, and runs of equal things."""

import jax
import jax.numpy as jnp
import numpy as np


def numbered(tokens_BL: jax.Array | np.ndarray, end: int) -> jax.Array | np.ndarray:
    """Segment ids of documents that `end` ends, int32 [B, L], from 0; NumPy where the tokens are."""
    xp = np if isinstance(tokens_BL, np.ndarray) else jnp
    ends_BL = xp.pad(tokens_BL[:, :-1] == end, ((0, 0), (1, 0)))
    return xp.cumsum(ends_BL, axis=1, dtype=xp.int32)


def packed(segment_ids_BL: jax.Array) -> jax.Array:
    """Positions that restart at 0 with each segment of a packed or padded sequence, int32 [B, L]."""
    index_L = jnp.arange(segment_ids_BL.shape[1], dtype=jnp.int32)
    starts_BL = jnp.concatenate(
        [jnp.ones_like(segment_ids_BL[:, :1], bool), segment_ids_BL[:, 1:] != segment_ids_BL[:, :-1]], axis=1
    )
    return index_L - jax.lax.cummax(jnp.where(starts_BL, index_L, 0), axis=1)


def sizes(segment_ids_BL: jax.Array) -> jax.Array:
    """Of each token the number of tokens of its document, int32 [B, L]; padding is a document too."""
    ends_BL = jnp.pad(segment_ids_BL[:, 1:] != segment_ids_BL[:, :-1], ((0, 0), (0, 1)), constant_values=True)
    index_L = jnp.arange(segment_ids_BL.shape[1], dtype=jnp.int32)
    last_BL = jax.lax.cummin(jnp.where(ends_BL, index_L, index_L[-1]), axis=1, reverse=True)
    return last_BL - index_L + packed(segment_ids_BL) + 1


def in_order(drawn_BL: jax.Array, segment_ids_BL: jax.Array | None) -> jax.Array:
    """Numbers in rising order; where there are segments, the first n of them for a document of n tokens, [B, L].

    Of numbers that were sorted before, a document would have the smallest ones alone.
    """
    if segment_ids_BL is None:
        return jnp.sort(drawn_BL, axis=1)
    place_BL = packed(segment_ids_BL)
    first_BL = jnp.arange(segment_ids_BL.shape[1], dtype=jnp.int32) - place_BL
    return jax.lax.sort((first_BL, taken(drawn_BL, place_BL)), dimension=1, num_keys=2)[1]


def restart(drawn_BL: jax.Array, segment_ids_BL: jax.Array | None) -> jax.Array:
    """Positions of a batch, restarted with each document where there are segments."""
    return drawn_BL if segment_ids_BL is None else taken(drawn_BL, packed(segment_ids_BL))


def taken(x_BN: jax.Array, index_BL: jax.Array) -> jax.Array:
    """For each row the entries x[index], [B, L, ...] of [B or 1, N, ...]."""
    x_BN = jnp.broadcast_to(x_BN, (index_BL.shape[0], *x_BN.shape[1:]))
    return jnp.take_along_axis(x_BN, index_BL.reshape(*index_BL.shape, *(1,) * (x_BN.ndim - 2)), axis=1)


def runs(is_one_BL: jax.Array, segment_ids_BL: jax.Array) -> jax.Array:
    """A number for each run of ones, each run of others, and each part of one by a border of documents; from 0."""
    changes_BL = (is_one_BL[:, 1:] != is_one_BL[:, :-1]) | (segment_ids_BL[:, 1:] != segment_ids_BL[:, :-1])
    return jnp.pad(jnp.cumsum(changes_BL, axis=1), ((0, 0), (1, 0)))
