"""Held-out data of tasks whose sequences are made from random numbers: keys that no training batch is made from."""

import functools
from collections.abc import Callable, Hashable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from posbench import streams
from posbench.tasks import base

SPLITS = ('validation', 'test')
# Tokens of each protocol and length where the budget says None: there is no end to what could be made.
TOKENS = 65_536


def held_out(
    rows_of: Callable[..., base.Batch],
    *options: Hashable,
    split: str,
    protocol: int,
    length: int,
    budget: base.Budget,
) -> Iterator[base.Batch]:
    """Batches of as many sequences of `length` as the budget has tokens for, at least one; the last one filled up.

    Row n is a function of split, number of the protocol, length and n alone, whatever the size of a batch.

    Args:
      rows_of: (a key for each row, *options) -> a batch of these rows. Traced, once for all that is equal to it.
    """
    if split not in SPLITS:
        raise ValueError(f'split: got {split!r}, wanted {" or ".join(SPLITS)}.')
    count = max((TOKENS if budget.tokens is None else budget.tokens) // length, 1)
    size = min(budget.rows(length), count)
    key = streams.key(0, 'held_out', SPLITS.index(split))
    for number in (protocol, length):
        key = jax.random.fold_in(key, number)
    for start in range(0, count, size):
        batch = _rows(rows_of, options, key, jnp.arange(start, start + size, dtype=jnp.int32))
        yield base.filled({name: np.asarray(x)[: count - start] for name, x in batch.items()}, size)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _rows(rows_of, options, key, numbers_B) -> base.Batch:
    return rows_of(jax.vmap(jax.random.fold_in, (None, 0))(key, numbers_B), *options)
