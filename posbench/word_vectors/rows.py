"""Sparse updates: a step adds to the rows of a table that its words name, and touches no others.

A word that is named several times gets the sum of its gradients. On a CPU they are added in the order of the batch; on
other platforms, where scatters add in any order, the rows are sorted by word first and summed in a fixed tree, so that
the bits are the same in every run.
"""

from typing import Literal

import jax
import jax.numpy as jnp

Rule = Literal['sgd', 'adagrad']
# Of a row that was never updated, AdaGrad's sum is 0; and so is its first gradient sometimes.
EPSILON = 1e-10


def gather(table_VD: jax.Array, ids_N: jax.Array) -> jax.Array:
    """Rows by number, which must be there."""
    return table_VD.at[ids_N].get(mode='promise_in_bounds')


def add(table: jax.Array, ids_N: jax.Array, rows_N: jax.Array) -> jax.Array:
    """The table with rows added to it, the same bits each time; `ids_N` must be there."""
    return jax.lax.platform_dependent(table, ids_N, rows_N, cpu=_in_order, default=_sorted)


def optimizer_state(rule: Rule, params: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """What is kept of each row: nothing, or the sum of its squared gradients, [V]."""
    return {name: jnp.zeros(table.shape[:1]) for name, table in params.items()} if rule == 'adagrad' else {}


def update(
    table_VD: jax.Array,
    squares_V: jax.Array | None,
    ids_N: jax.Array,
    gradient_ND: jax.Array,
    rate: jax.Array,
    cap: float | None,
) -> tuple[jax.Array, jax.Array | None]:
    """A step down the gradients of rows; returns the table and the sums of squares.

    A row that has n gradients in this step, n above `cap`, takes cap / n of each: word2vec's code lets them follow each
    other, and what many small steps approach, their sum in one step would leap over. None: the sum.

    squares_V None: SGD, row -= rate * g for each of its g. Otherwise AdaGrad by rows (Duchi et al. 2011, with one rate
    for all numbers of a row): squares += mean(g^2) for each g of the row, then row -= rate * g / sqrt(squares).
    """
    if cap is not None:
        gradient_ND = gradient_ND * share(ids_N, there(gradient_ND), cap, table_VD.shape[0])[:, None]
    if squares_V is None:
        return add(table_VD, ids_N, -rate * gradient_ND), None
    squares_V = add(squares_V, ids_N, jnp.mean(gradient_ND**2, axis=1))
    scale_N = rate * jax.lax.rsqrt(gather(squares_V, ids_N) + EPSILON)
    return add(table_VD, ids_N, -scale_N[:, None] * gradient_ND), squares_V


def there(gradient_ND: jax.Array) -> jax.Array:
    """1 for a gradient, 0 for one that is 0, as that of padding is; told by its first number, which saves a pass."""
    return (gradient_ND[:, 0] != 0).astype(jnp.float32)


def share(ids_N: jax.Array, counts_N: jax.Array, cap: float, rows: int) -> jax.Array:
    """How much each of the gradients of a row counts, [N]: at most 1, and all of a row together at most `cap`."""
    total_V = add(jnp.zeros(rows), ids_N, counts_N)
    return jnp.minimum(1.0, cap / jnp.maximum(gather(total_V, ids_N), 1.0))


def update_all(
    table_VD: jax.Array, squares_V: jax.Array | None, gradient_VD: jax.Array, rate: jax.Array
) -> tuple[jax.Array, jax.Array | None]:
    """The same where every row has one gradient."""
    if squares_V is None:
        return table_VD - rate * gradient_VD, None
    squares_V = squares_V + jnp.mean(gradient_VD**2, axis=1)
    return table_VD - (rate * jax.lax.rsqrt(squares_V + EPSILON))[:, None] * gradient_VD, squares_V


def _in_order(table: jax.Array, ids_N: jax.Array, rows_N: jax.Array) -> jax.Array:
    return table.at[ids_N].add(rows_N, mode='promise_in_bounds')


def _sorted(table: jax.Array, ids_N: jax.Array, rows_N: jax.Array) -> jax.Array:
    order_N = jnp.argsort(ids_N, stable=True)
    ids_N, rows_N = ids_N[order_N], rows_N[order_N]
    starts_N = jnp.concatenate([jnp.ones(1, bool), ids_N[1:] != ids_N[:-1]])

    def joined(before, after):
        (starts_a, sum_a), (starts_b, sum_b) = before, after
        own = starts_b.reshape(starts_b.shape + (1,) * (sum_b.ndim - 1))
        return starts_a | starts_b, jnp.where(own, sum_b, sum_a + sum_b)

    _, sums_N = jax.lax.associative_scan(joined, (starts_N, rows_N))
    is_last_N = jnp.concatenate([starts_N[1:], jnp.ones(1, bool)])
    # Each row once: only its last sum has a place in the table.
    place_N = jnp.where(is_last_N, ids_N, table.shape[0] + jnp.arange(len(ids_N)))
    return table.at[place_N].add(sums_N, mode='drop', unique_indices=True)
