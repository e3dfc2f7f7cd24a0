"""Where position ids come from. Positions are data: every map works with every encoding.

A map is a function (rng, batch_size, length, *, options, train) -> pos_BL, int32. Those that give all sequences of a
batch the same positions are marked `shared_by_batch`; the trainer then asks for one row, and biases are made once.
"""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Annotated

import jax
import jax.numpy as jnp

from posbench.knobs import Range


def shared_by_batch(function: Callable) -> Callable:
    """Marks a map that gives all sequences of a batch the same positions."""
    function.shared_by_batch = True
    return function


@shared_by_batch
def sequential(rng: jax.Array, batch_size: int, length: int, *, train: bool = False) -> jax.Array:
    """0, 1, 2, ..., length - 1."""
    return jnp.broadcast_to(jnp.arange(length, dtype=jnp.int32), (batch_size, length))


@shared_by_batch
def randomized(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    max_position: Annotated[int, Range(min=1)] = 2048,
    train: bool = False,
) -> jax.Array:
    """`length` numbers drawn without replacement from [0, max_position), in rising order.

    Drawn anew for every batch, at evaluation too, as the authors do (Ruoss et al. 2023, arXiv 2305.16843, section 3).
    """
    if length > max_position:
        raise ValueError(f'randomized positions: got length {length}, wanted at most max_position = {max_position}.')
    drawn_L = jnp.sort(jax.random.permutation(rng, max_position)[:length]).astype(jnp.int32)
    return jnp.broadcast_to(drawn_L, (batch_size, length))


def shifted(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    max_shift: Annotated[int, Range(min=1)] = 500,
    train: bool = False,
) -> jax.Array:
    """Sequential positions plus one number a sequence, uniform in [0, max_shift), in training; none at evaluation.

    Kiyono et al. 2021 (arXiv 2109.05644, section 3.2), "SHAPE". The authors' code evaluates at the largest shift.
    """
    pos_BL = sequential(rng, batch_size, length)
    if not train:
        return pos_BL
    return pos_BL + jax.random.randint(rng, (batch_size, 1), 0, max_shift, dtype=jnp.int32)


def packed(segment_ids_BL: jax.Array) -> jax.Array:
    """Positions that restart at 0 with each segment of a packed or padded sequence, int32 [B, L]."""
    index_L = jnp.arange(segment_ids_BL.shape[1], dtype=jnp.int32)
    starts_BL = jnp.concatenate(
        [jnp.ones_like(segment_ids_BL[:, :1], bool), segment_ids_BL[:, 1:] != segment_ids_BL[:, :-1]], axis=1
    )
    return index_L - jax.lax.cummax(jnp.where(starts_BL, index_L, 0), axis=1)


@dataclasses.dataclass(frozen=True)
class PositionMap:
    """A map with its options bound."""

    function: Callable
    options: tuple[tuple[str, object], ...]

    def __call__(self, rng: jax.Array, batch_size: int, length: int, *, train: bool) -> jax.Array:
        """int32 [batch_size, length], or [1, length] where all sequences share the positions."""
        rows = 1 if getattr(self.function, 'shared_by_batch', False) else batch_size
        return self.function(rng, rows, length, train=train, **dict(self.options))


MAPS = {function.__name__: function for function in (sequential, randomized, shifted)}


def names() -> list[str]:
    """All maps of this file."""
    return sorted(MAPS)


def build(name: str, **options) -> PositionMap:
    """The map called `name`; ValueError names the valid ones, TypeError an unknown option."""
    if name not in MAPS:
        raise ValueError(f'Unknown position map {name!r}; there are {names()}.')
    try:
        inspect.signature(MAPS[name]).bind_partial(**options)
    except TypeError as error:
        raise TypeError(f'Position map {name!r}: {error}.') from None
    return PositionMap(MAPS[name], tuple(sorted(options.items())))
