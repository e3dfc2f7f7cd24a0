"""Vectors looked up by the distance between query and key: their products with all queries, and their weighted sums.

The products with every row of a table come first and the look-up second, in O(L R) memory, because one vector a pair
would need O(L M K). Where the distances of a block span fewer rows than the table has, as those of text do, packed or
padded or not, only these rows take part; which case it is, is seen from the positions at run time.

The skewing of Music Transformer (Huang et al. 2018, arXiv 1809.04281, section 3.4.1) is the same look-up for positions
that rise by one, made of padding and reshaping. On a CPU it took longer than this one, its gradient included, and it
has no meaning for positions that restart, repeat or leave gaps.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from posbench.encodings import base


def products(
    x_BLHC: jax.Array, table_RC: jax.Array, row_of: Callable, pos_x_BL: jax.Array, pos_y_BM: jax.Array
) -> jax.Array:
    """x[l] · table[row_of(pos_x[l] - pos_y[m])] for all pairs, float32 [B, H, L, M].

    `row_of` maps distances of any shape to rows, all of them in the table. A table for each head is [R, H, C].
    """

    def look_up(x_BLHC, table_RC, row_BLM):
        letters = 'BLHC,RC->BHLR' if table_RC.ndim == 2 else 'BLHC,RHC->BHLR'
        by_row_BHLR = jnp.einsum(letters, x_BLHC, table_RC.astype(x_BLHC.dtype), preferred_element_type=jnp.float32)
        return jnp.take_along_axis(by_row_BHLR, row_BLM[:, None], axis=-1, mode='clip')

    return _with_needed_rows(look_up, x_BLHC, table_RC, row_of, pos_x_BL, pos_y_BM)


def sums(
    weights_BHLM: jax.Array, table_RC: jax.Array, row_of: Callable, pos_x_BL: jax.Array, pos_y_BM: jax.Array
) -> jax.Array:
    """The sum over m of weights[l, m] table[row_of(pos_x[l] - pos_y[m])], float32 [B, L, H, C]."""

    def add_up(weights_BHLM, table_RC, row_BLM):
        # All weights of one row first, then one product with the table.
        batch, heads, length = (jnp.arange(size) for size in weights_BHLM.shape[:3])
        place = batch[:, None, None, None], heads[:, None, None], length[:, None], row_BLM[:, None]
        by_row_BHLR = jnp.zeros((*weights_BHLM.shape[:3], len(table_RC))).at[place].add(weights_BHLM)
        letters = 'BHLR,RC->BLHC' if table_RC.ndim == 2 else 'BHLR,RHC->BLHC'
        return jnp.einsum(letters, by_row_BHLR, table_RC)

    return _with_needed_rows(add_up, weights_BHLM, table_RC, row_of, pos_x_BL, pos_y_BM)


def _with_needed_rows(use: Callable, x, table_RC, row_of: Callable, pos_x_BL, pos_y_BM) -> jax.Array:
    """use(x, rows of the table, which of them each pair takes)."""
    distance_BLM = base.whole(pos_x_BL)[:, :, None] - pos_y_BM[:, None, :]
    span = pos_x_BL.shape[1] + pos_y_BM.shape[1] - 1

    def whole(x, table_RC, distance_BLM):
        return use(x, table_RC, row_of(distance_BLM))

    def part(x, table_RC, distance_BLM):
        lowest = distance_BLM.min()
        return use(x, table_RC[row_of(lowest + jnp.arange(span))], distance_BLM - lowest)

    if span >= len(table_RC):
        return whole(x, table_RC, distance_BLM)
    # Computed again in the backward pass: a branch would keep room for what the other one remembers.
    part, whole = (jax.checkpoint(branch, prevent_cse=False) for branch in (part, whole))
    fits = distance_BLM.max() - distance_BLM.min() < span
    return jax.lax.cond(fits, part, whole, x, table_RC, distance_BLM)
