"""Rows of a bias made anew, pair by pair, for those queries alone for which a table is not the truth.

The loop takes as many turns as there are blocks of such queries: where they are few, most of the array is not touched.
A loop like that has no gradient of its own, so it is written here: the same blocks, each with the gradient of what made
it.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp

from posbench.ops import broadcast

# Queries at a time. Many numbers are at work for each pair, such as the hidden units of a network: what they need
# stays in a core's own cache.
FEW = 16


def made_anew(
    bias_BHLM: jax.Array, of_pairs: Callable, pos_q_BL: jax.Array, pos_k_BM: jax.Array, kept_BL: jax.Array
) -> jax.Array:
    """`bias` where `kept`, and what `of_pairs` makes of the positions elsewhere; float32 [B, H, L, M].

    It has gradients of `bias` and of all that `of_pairs` holds, such as parameters, but none of positions.

    Args:
      bias_BHLM: any finite values in rows that are not kept.
      of_pairs: positions of queries and of keys, of shapes that broadcast -> [H, *shape]; asked for a few queries.
      pos_q_BL, pos_k_BM: positions; a leading 1 stands for positions that all rows share.
      kept_BL: bool, [B or 1, L].
    """
    few = min(FEW, pos_q_BL.shape[1])
    # A gradient of what the function holds needs it to be named.
    of_few, held = jax.closure_convert(functools.partial(_of_few, of_pairs), pos_q_BL[:, :few], pos_k_BM)
    padded_BL = jnp.pad(kept_BL, ((0, 0), (0, -kept_BL.shape[1] % few)), constant_values=True)
    todo_N = ~everywhere(padded_BL.reshape(len(padded_BL), -1, few).all(axis=(0, 2)))
    (number_N,) = jnp.nonzero(todo_N, size=len(todo_N))
    return _made_anew(of_few, bias_BHLM, tuple(held), (pos_q_BL, pos_k_BM, kept_BL, number_N, todo_N.sum()))


@jax.custom_batching.custom_vmap
def everywhere(truth: jax.Array) -> jax.Array:
    """`truth` itself; under vmap, whether it holds for all. A condition of its own for each would run both branches."""
    return truth


@everywhere.def_vmap
def _everywhere(axis_size, in_batched, truth):
    return everywhere(truth.all(axis=0)), False


def of_all(of_pairs: Callable, pos_q_BL: jax.Array, pos_k_BM: jax.Array) -> jax.Array:
    """What `of_pairs` makes of all pairs at once, [B or 1, H, L, M]."""
    return jnp.swapaxes(of_pairs(pos_q_BL[:, :, None], pos_k_BM[:, None, :]), 0, 1)


def _of_few(of_pairs, pos_q_BF, pos_k_BM):
    """[B or 1, H, F, M]; where all rows are alike, one of them is made."""
    of_rows = functools.partial(of_all, of_pairs)

    def of_one(*pos):
        bias_1HFM = of_rows(*(pos_BN[:1] for pos_BN in pos))
        return broadcast.spread(bias_1HFM, (rows, *bias_1HFM.shape[1:]))

    pos = pos_q_BF, pos_k_BM
    rows = max(map(len, pos))
    if rows == 1:
        return of_rows(*pos)
    alike = jnp.stack([(pos_BN == pos_BN[:1]).all() for pos_BN in pos]).all()
    return jax.lax.cond(everywhere(alike), of_one, of_rows, *pos)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _made_anew(of_few, bias_BHLM, held, plan):
    pos_q_BL, pos_k_BM, kept_BL, number_N, count = plan

    def turn(n, bias_BHLM):
        start, pos_q_BF, kept_BF = _block(number_N[n], pos_q_BL, kept_BL)
        rows_BHFM = of_few(pos_q_BF, pos_k_BM, *held)
        before_BHFM = jax.lax.dynamic_slice_in_dim(bias_BHLM, start, rows_BHFM.shape[2], axis=2)
        rows_BHFM = jnp.where(kept_BF[:, None, :, None], before_BHFM, rows_BHFM)
        return jax.lax.dynamic_update_slice_in_dim(bias_BHLM, rows_BHFM, start, axis=2)

    return jax.lax.fori_loop(0, count, turn, bias_BHLM)


def _forward(of_few, bias_BHLM, held, plan):
    return _made_anew(of_few, bias_BHLM, held, plan), (held, plan)


def _backward(of_few, residuals, d_BHLM):
    held, (pos_q_BL, pos_k_BM, kept_BL, number_N, count) = residuals

    def turn(n, d_held):
        start, pos_q_BF, kept_BF = _block(number_N[n], pos_q_BL, kept_BL)
        d_BHFM = jax.lax.dynamic_slice_in_dim(d_BHLM, start, pos_q_BF.shape[1], axis=2)
        d_BHFM = jnp.where(kept_BF[:, None, :, None], 0.0, d_BHFM)
        more = jax.vjp(functools.partial(of_few, pos_q_BF, pos_k_BM), *held)[1](d_BHFM)
        return jax.tree.map(jnp.add, d_held, more)

    d_held = jax.lax.fori_loop(0, count, turn, jax.tree.map(jnp.zeros_like, held))
    return jnp.where(kept_BL[:, None, :, None], d_BHLM, 0.0), d_held, None


_made_anew.defvjp(_forward, _backward)


def _block(number, pos_q_BL, kept_BL):
    """Where a block begins, the positions of its queries, and which of them to leave.

    The last one ends with the queries, and leaves those to the block before it that both have.
    """
    few, length = min(FEW, pos_q_BL.shape[1]), pos_q_BL.shape[1]
    start = jnp.minimum(number * few, length - few)
    pos_q_BF, kept_BF = (jax.lax.dynamic_slice_in_dim(x, start, few, axis=1) for x in (pos_q_BL, kept_BL))
    return start, pos_q_BF, kept_BF | (start + jnp.arange(few) < number * few)
