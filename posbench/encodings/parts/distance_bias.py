"""Biases of the distance pos_q - pos_k alone: written as a function of a distance, evaluated once for each distance.

L queries and M keys have L M distances, but only L + M - 1 different ones where positions rise by one from token to
token, as they do unless documents are packed, rows are padded or positions are drawn. Such a block is a Toeplitz
matrix: it is laid out by padding and reshaping, so that its gradient is a sum along diagonals and not a scatter, which
is slow on a CPU. Whether positions are so is seen from the positions themselves, at run time; all others are treated
pair by pair, with the same values.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import pair_by_pair
from posbench.ops import broadcast

# Rows that a sum along diagonals adds up at a time.
ROWS = 16


class DistanceBias(base.PositionEncoding):
    """logits += of_distance(pos_q - pos_k)."""

    # Many numbers are at work for each pair, such as the hidden units of a network: queries are taken a few at a time.
    # Without an annotation, which would make it a field, and so an option.
    wide = False

    def of_distance(self, distance: jax.Array) -> jax.Array:
        """float32 [H, *distance.shape] of distances in the dtype of positions."""
        raise NotImplementedError

    def bias(self, pos_q_BL, pos_k_BM):
        return tabulated(self.of_distance, pos_q_BL, pos_k_BM, wide=self.wide)


def tabulated(
    of_distance: Callable,
    pos_q_BL: jax.Array,
    pos_k_BM: jax.Array,
    *,
    of_pairs: Callable | None = None,
    only_if: jax.Array | bool = True,
    wide: bool = False,
) -> jax.Array:
    """A bias of all pairs, float32 [B, H, L, M]. It has no gradient of positions.

    Args:
      of_distance: distances [N] -> [H, N], of use where positions are consecutive and `only_if` is True.
      pos_q_BL, pos_k_BM: positions; a leading 1 stands for positions that all rows share.
      of_pairs: positions of queries and of keys, of shapes that broadcast -> [H, *shape]; None: `of_distance` of their
        difference. Asked everywhere else, and has to agree.
      only_if: bool, [] or that of each query, [B or 1, L]; may depend on parameters, but no gradient passes.
      wide: `of_pairs` is called for a few queries at a time.
    """
    pos_q_BL, pos_k_BM = jax.lax.stop_gradient((pos_q_BL, pos_k_BM))
    length, rows = pos_q_BL.shape[1], max(pos_q_BL.shape[0], pos_k_BM.shape[0])
    regular = pair_by_pair.everywhere(consecutive(pos_q_BL, pos_k_BM))
    by_distance_BL = jnp.broadcast_to(regular & jax.lax.stop_gradient(only_if), pos_q_BL.shape)
    if of_pairs is None:

        def of_pairs(pos_q, pos_k):
            return of_distance(pos_q - pos_k)

    pairs = functools.partial(pair_by_pair.of_all, of_pairs, pos_q_BL, pos_k_BM)
    if length == 1:
        return pairs()
    # Whatever the positions are: little work, whose memory a branch would have to keep or to make again.
    values_HN = of_distance(distances(pos_q_BL, pos_k_BM))

    def table():
        bias_HLM = toeplitz(values_HN, length)
        return broadcast.spread(bias_HLM[None], (rows, *bias_HLM.shape))

    if wide:
        return pair_by_pair.made_anew(table(), of_pairs, pos_q_BL, pos_k_BM, by_distance_BL)
    # Computed again in the backward pass: otherwise the table would keep room for what this remembers.
    pairs = jax.checkpoint(pairs, prevent_cse=False)
    return jax.lax.cond(pair_by_pair.everywhere(by_distance_BL.all()), table, pairs)


def consecutive(pos_q_BL: jax.Array, pos_k_BM: jax.Array) -> jax.Array:
    """Whether queries and keys rise by one from token to token and are equally far apart in all rows, bool []."""

    def rises(pos):
        return (pos == pos[:, :1] + jnp.arange(pos.shape[1], dtype=pos.dtype)).all()

    apart_B = pos_q_BL[:, 0] - pos_k_BM[:, 0]
    return rises(pos_q_BL) & rises(pos_k_BM) & (apart_B == apart_B[0]).all()


def distances(pos_q_BL: jax.Array, pos_k_BM: jax.Array) -> jax.Array:
    """The L + M - 1 distances of consecutive positions, from the largest to the smallest."""
    length, keys = pos_q_BL.shape[1], pos_k_BM.shape[1]
    fall_N = jnp.arange(length + keys - 1, dtype=pos_q_BL.dtype)
    return pos_q_BL[0, 0] - pos_k_BM[0, 0] + (length - 1) - fall_N


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def toeplitz(values_HN: jax.Array, length: int) -> jax.Array:
    """[H, L, M] with values[h, L - 1 - l + m] at (l, m), of N = L + M - 1 values a head."""
    heads, count = values_HN.shape
    # Rows one number too long, cut anew one number shorter: each begins one place earlier than the row before.
    rows_HLN = jnp.broadcast_to(jnp.pad(values_HN, ((0, 0), (0, 1)))[:, None], (heads, length, count + 1))
    flat_HN = rows_HLN.reshape(heads, length * (count + 1))[:, length - 1 : length - 1 + length * count]
    return flat_HN.reshape(heads, length, count)[:, :, : count - length + 1]


def _toeplitz_forward(values_HN, length):
    return toeplitz(values_HN, length), None


def _toeplitz_backward(length, _, d_HLM):
    return (along_diagonals(d_HLM),)


toeplitz.defvjp(_toeplitz_forward, _toeplitz_backward)


def along_diagonals(x_HLM: jax.Array) -> jax.Array:
    """Sums of x[h, l, m] over all (l, m) with one L - 1 - l + m, [H, L + M - 1]."""
    _, length, keys = x_HLM.shape

    def folded(x_HLM):
        # Rows a few at a time, into sums that stay in a core's cache.
        return _last_diagonals(_folded(x_HLM, min(ROWS, length)), length + keys - 1)

    return jax.lax.platform_dependent(
        x_HLM, cpu=folded, default=lambda x_HLM: _last_diagonals(x_HLM, length + keys - 1)
    )


def _last_diagonals(rows_HFN: jax.Array, wanted: int) -> jax.Array:
    """The last sums along diagonals of all that there are, [H, wanted]."""
    heads, few, width = rows_HFN.shape
    count = few + width - 1
    # The layout of `toeplitz` backwards.
    rows_HFN = jnp.pad(rows_HFN, ((0, 0), (0, 0), (0, few - 1)))
    flat_HN = jnp.pad(rows_HFN.reshape(heads, few * count), ((0, 0), (few - 1, 1)))
    return flat_HN.reshape(heads, few, count + 1).sum(axis=1)[:, count - wanted : count]


def _folded(x_HLM, few: int):
    """`few` rows with the sums along diagonals of all; they begin with those of the rows that fill the last few up."""
    heads, length, keys = x_HLM.shape
    x_HLM = jnp.pad(x_HLM, ((0, 0), (0, -length % few), (0, 0)))
    last = x_HLM.shape[1] - few

    def add(number, sums_HFN):
        row, shape = number * few, (heads, few, keys)
        more_HFM = jax.lax.dynamic_slice(x_HLM, (0, row, 0), shape)
        here = (0, 0, last - row)
        more_HFM += jax.lax.dynamic_slice(sums_HFN, here, shape)
        return jax.lax.dynamic_update_slice(sums_HFN, more_HFM, here)

    return jax.lax.fori_loop(0, last // few + 1, add, jnp.zeros((heads, few, last + keys), x_HLM.dtype))


def per_head(values_H: jax.Array, like: jax.Array) -> jax.Array:
    """[H, 1, 1, ...], to be used beside the [*like.shape] that follows it."""
    return jnp.reshape(values_H, (-1, *(1,) * like.ndim))
