"""What tasks share whose sequences are made from random numbers: held-out keys that no batch is made from, a loss."""

import functools
from collections.abc import Callable, Hashable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
import optax

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
    tokens: tuple[int, int] | None = None,
    of: int | None = None,
) -> Iterator[base.Batch]:
    """Batches of as many sequences of `length` as the budget has tokens for, at least one; the last one filled up.

    Row n is a function of split, number of the protocol, length and n alone, whatever the size of a batch.

    Args:
      rows_of: (a key for each row, *options, and `of` where it is given) -> a batch of these rows. Traced, once for all
        that is equal to it; `of` is an argument of the program.
      tokens: of a sequence, and of the arrays that it is put into, where those are not as many as `length`.
    """
    if split not in SPLITS:
        raise ValueError(f'split: got {split!r}, wanted {" or ".join(SPLITS)}.')
    real, room = tokens or (length, length)
    total = TOKENS if budget.tokens is None else budget.tokens
    count = max(total // real, 1)
    # The same for all lengths that are put into the same arrays.
    size = min(budget.rows(room), max(total // room, 1))
    key = streams.key(0, 'held_out', SPLITS.index(split))
    for number in (protocol, length):
        key = jax.random.fold_in(key, number)
    for start in range(0, count, size):
        batch = _rows(rows_of, options, key, jnp.arange(start, start + size, dtype=jnp.int32), of)
        yield base.filled({name: np.asarray(x)[: count - start] for name, x in batch.items()}, size)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _rows(rows_of, options, key, numbers_B, of) -> base.Batch:
    keys_B = jax.vmap(jax.random.fold_in, (None, 0))(key, numbers_B)
    return rows_of(keys_B, *options) if of is None else rows_of(keys_B, *options, of)


def loss(outputs: jax.Array, batch: base.Batch) -> tuple[jax.Array, jax.Array]:
    """(nats of the targets, their weight) of logits at every place. Traced."""
    nats_BL = optax.softmax_cross_entropy_with_integer_labels(outputs, batch['targets_BL'])
    weights_BL = batch['weights_BL']
    # What is not scored may be past a table, where there is only NaN.
    return jnp.where(weights_BL > 0, nats_BL * weights_BL, 0.0).sum(), weights_BL.sum()
