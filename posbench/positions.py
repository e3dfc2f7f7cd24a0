"""Where position ids come from. Positions are data: every map works with every encoding.

A map is a function (rng, batch_size, length, *, options, train) -> pos_BL, int32. Those that give all sequences of a
batch the same positions are marked `shared_by_batch`; the trainer then asks for one row, and biases are made once.
A map whose positions depend on what the tokens are takes `tokens_BL` and `segment_ids_BL` as well. A map of several
coordinates gives pos_BLA.
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


def abacus(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    tokens_BL: jax.Array,
    segment_ids_BL: jax.Array | None = None,
    digits: tuple[int, ...] = (48, 49, 50, 51, 52, 53, 54, 55, 56, 57),
    max_shift: Annotated[int, Range(min=1)] = 100,
    train: bool = False,
) -> jax.Array:
    """Two coordinates: the place in the sequence, and the place in a run of digits, counted from 1; 0 elsewhere.

    In training all places in a run are moved by one number a batch, uniform in [0, max_shift). `digits` are token ids,
    by default the bytes 0 to 9. McLeish et al. 2024 (arXiv 2405.17399, section 3.1).
    """
    segment_ids_BL = jnp.zeros_like(tokens_BL) if segment_ids_BL is None else segment_ids_BL
    is_digit_BL = jnp.isin(tokens_BL, jnp.asarray(digits))
    # A run is a segment of its own; what lies between two runs is another one.
    starts_BL = jnp.concatenate(
        [
            jnp.ones_like(is_digit_BL[:, :1]),
            (is_digit_BL[:, 1:] != is_digit_BL[:, :-1]) | (segment_ids_BL[:, 1:] != segment_ids_BL[:, :-1]),
        ],
        axis=1,
    )
    shift = jax.random.randint(rng, (), 0, max_shift, dtype=jnp.int32) if train else 0
    place_BL = jnp.where(is_digit_BL, 1 + shift + packed(jnp.cumsum(starts_BL, axis=1)), 0)
    return jnp.stack([packed(segment_ids_BL), place_BL.astype(jnp.int32)], axis=-1)


def packed(segment_ids_BL: jax.Array) -> jax.Array:
    """Positions that restart at 0 with each segment of a packed or padded sequence, int32 [B, L]."""
    index_L = jnp.arange(segment_ids_BL.shape[1], dtype=jnp.int32)
    starts_BL = jnp.concatenate(
        [jnp.ones_like(segment_ids_BL[:, :1], bool), segment_ids_BL[:, 1:] != segment_ids_BL[:, :-1]], axis=1
    )
    return index_L - jax.lax.cummax(jnp.where(starts_BL, index_L, 0), axis=1)


def restart(drawn_BL: jax.Array, segment_ids_BL: jax.Array | None) -> jax.Array:
    """Positions of a batch, restarted with each document where there are segments."""
    if segment_ids_BL is None:
        return drawn_BL
    index_BL = packed(segment_ids_BL)
    drawn_BL = jnp.broadcast_to(drawn_BL, (*index_BL.shape, *drawn_BL.shape[2:]))
    return jnp.take_along_axis(drawn_BL, index_BL.reshape(*index_BL.shape, *(1,) * (drawn_BL.ndim - 2)), axis=1)


@dataclasses.dataclass(frozen=True)
class PositionMap:
    """A map with its options bound."""

    function: Callable
    options: tuple[tuple[str, object], ...]

    @property
    def needs_tokens(self) -> bool:
        """Whether positions depend on what the tokens are."""
        return 'tokens_BL' in inspect.signature(self.function).parameters

    def __call__(
        self,
        rng: jax.Array,
        batch_size: int,
        length: int,
        *,
        train: bool,
        tokens_BL: jax.Array | None = None,
        segment_ids_BL: jax.Array | None = None,
    ) -> jax.Array:
        """[batch_size, length, ...], or [1, length, ...] where all sequences share the positions.

        Positions restart with each document where there are segments. ValueError for a map that needs tokens without
        them.
        """
        options = dict(self.options, train=train)
        if self.needs_tokens:
            if tokens_BL is None:
                raise ValueError(
                    f'{self.function.__name__} positions: got no tokens_BL, wanted the tokens they are of.'
                )
            return self.function(rng, batch_size, length, tokens_BL=tokens_BL, segment_ids_BL=segment_ids_BL, **options)
        rows = 1 if getattr(self.function, 'shared_by_batch', False) else batch_size
        return restart(self.function(rng, rows, length, **options), segment_ids_BL)


MAPS = {function.__name__: function for function in (sequential, randomized, shifted, abacus)}


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
