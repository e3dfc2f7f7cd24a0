"""Where position ids come from. Positions are data: every map works with every encoding.

A map is a function (rng, batch_size, length, *, options, train) -> pos_BL, int32, or float32 where positions lie
between whole numbers. Those that give all sequences of a batch the same positions are marked `shared_by_batch`; the
trainer then asks for one row, and biases are made once. A map whose positions depend on what the tokens are takes
`tokens_BL` and `segment_ids_BL` as well. A map of several coordinates gives pos_BLA; it is marked `first_shared` where
the first one is the place in the sequence.
"""

import dataclasses
import inspect
import math
from collections.abc import Callable
from typing import Annotated

import jax
import jax.numpy as jnp

from posbench import documents
from posbench.knobs import Range


def shared_by_batch(function: Callable) -> Callable:
    """Marks a map that gives all sequences of a batch the same positions."""
    function.shared_by_batch = True
    return function


def first_shared(function: Callable) -> Callable:
    """Marks a map of several coordinates whose first one all sequences of a batch share, unless they have segments."""
    function.first_shared = True
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
    _fits(length, randomized, max_position=max_position)
    drawn_L = jnp.sort(jax.random.permutation(rng, max_position)[:length]).astype(jnp.int32)
    return jnp.broadcast_to(drawn_L, (batch_size, length))


@shared_by_batch
def randomized_distances(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    max_position: Annotated[int, Range(min=1)] = 2048,
    train: bool = False,
) -> jax.Array:
    """0, and `length` - 1 numbers drawn without replacement from [1, max_position), in rising order.

    As the released code of `randomized` draws distances, at evaluation too (google-deepmind/
    randomized_positional_encodings, `compute_attention_with_noisy_relative_encodings`).
    """
    _fits(length, randomized_distances, max_position=max_position)
    drawn_L = 1 + jnp.sort(jax.random.permutation(rng, max_position - 1)[: length - 1]).astype(jnp.int32)
    return jnp.broadcast_to(jnp.pad(drawn_L, (1, 0)), (batch_size, length))


@shared_by_batch
def grid(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    columns: Annotated[int, Range(min=1)] = 16,
    rows: Annotated[int, Range(min=1)] | None = None,
    train: bool = False,
) -> jax.Array:
    """Two coordinates: row and column of a token on a page of `columns` columns, read line by line.

    With `rows`, three: the page itself, where each has so many rows, and row and column on it.
    """
    index_L = jnp.arange(length, dtype=jnp.int32)
    row_L, column_L = index_L // columns, index_L % columns
    axes = [row_L, column_L] if rows is None else [row_L // rows, row_L % rows, column_L]
    return jnp.broadcast_to(jnp.stack(axes, axis=-1), (batch_size, length, len(axes)))


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


def pose(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    target_length: Annotated[int, Range(min=2)] = 1024,
    train: bool = False,
) -> jax.Array:
    """Sequential positions with one gap a sequence in training, somewhere in the text below the middle; none otherwise.

    The first 1 to ceil(length / 2) tokens keep their positions, and the others are moved by a number uniform in
    [0, target_length - length], so that every distance below target_length comes up at the length of training. Zhu et
    al. 2023 (arXiv 2309.10400, "PoSE"), with two chunks as in the authors' code, which also takes the two from
    different places of a longer text. ValueError where a sequence is longer than target_length.
    """
    pos_BL = sequential(rng, batch_size, length)
    if not train:
        return pos_BL
    _fits(length, pose, target_length=target_length)
    of_chunk, of_gap = jax.random.split(rng)
    first_B1 = jax.random.randint(of_chunk, (batch_size, 1), 1, (length + 1) // 2 + 1, dtype=jnp.int32)
    gap_B1 = jax.random.randint(of_gap, (batch_size, 1), 0, target_length - length + 1, dtype=jnp.int32)
    return pos_BL + jnp.where(pos_BL < first_B1, 0, gap_B1)


def cape(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    max_global_shift: Annotated[float, Range(min=0)] = 5.0,
    max_local_shift: Annotated[float, Range(min=0)] = 0.5,
    max_global_scaling: Annotated[float, Range(min=1)] = 1.03,
    centred: bool = False,
    train: bool = False,
) -> jax.Array:
    """Positions between whole numbers, float32: (p + shift + jitter) * scale in training, the place p at evaluation.

    For each sequence the shift is uniform in +-max_global_shift and ln(scale) in +-ln(max_global_scaling); for each
    token the jitter is uniform in +-max_local_shift, which up to 0.5 keeps the order of tokens. `centred` counts p from
    the middle of `length`. Encodings that look positions up in a table have no row for these.

    Likhomanenko et al. 2021 (arXiv 2106.03143), "CAPE". Formula and widths are those that gcambara/cape, which follows
    the paper's own listing, gives for text.
    """
    pos_BL = sequential(rng, batch_size, length).astype(jnp.float32)
    if centred:
        pos_BL = pos_BL - (length - 1) / 2
    if not train:
        return pos_BL
    of_shift, of_jitter, of_scale = jax.random.split(rng, 3)

    def uniform(rng, width, limit):
        return jax.random.uniform(rng, (batch_size, width), jnp.float32, -limit, limit)

    shift_B1, log_scale_B1 = uniform(of_shift, 1, max_global_shift), uniform(of_scale, 1, math.log(max_global_scaling))
    return (pos_BL + shift_B1 + uniform(of_jitter, length, max_local_shift)) * jnp.exp(log_scale_B1)


@first_shared
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
    shift = jax.random.randint(rng, (), 0, max_shift, dtype=jnp.int32) if train else 0
    place_BL = jnp.where(is_digit_BL, 1 + shift + documents.packed(documents.runs(is_digit_BL, segment_ids_BL)), 0)
    return jnp.stack([documents.packed(segment_ids_BL), place_BL.astype(jnp.int32)], axis=-1)


@first_shared
def coupled(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    tokens_BL: jax.Array,
    segment_ids_BL: jax.Array | None = None,
    digits: tuple[int, ...] = (48, 49, 50, 51, 52, 53, 54, 55, 56, 57),
    separators: tuple[int, ...] = (43, 61),
    equals: int = 61,
    reversed_answer: bool = True,
    max_id: Annotated[int, Range(min=3)] = 202,
    train: bool = False,
) -> jax.Array:
    """Two coordinates: the place in the sequence, and an id that digits of equal significance share; 0 elsewhere.

    A problem is a run of digits and separators, such as 653+49=2071: numbers up to `equals` are operands, read from
    the most significant digit, and those after it are answers, read from the least significant one if
    `reversed_answer`. Ids rise with significance towards the front: start + n - s for the digit of 10^s, with n the
    digits of the longest operand, and start + n + 1 for separators. `start` is drawn for each sequence from
    [1, max_id - n) in training; it is 1 at evaluation. All are token ids, by default those of bytes.

    The id of an operand's digit depends on digits to come: operands are for prompts. Cho et al. 2024 (arXiv 2405.20671,
    section 3); the order of ids and the draw are those of the authors' code (HanseulJo/position-coupling).
    """
    segment_ids_BL = jnp.zeros_like(tokens_BL) if segment_ids_BL is None else segment_ids_BL
    is_digit_BL = jnp.isin(tokens_BL, jnp.asarray(digits))
    is_separator_BL = jnp.isin(tokens_BL, jnp.asarray(separators)) & ~is_digit_BL
    number_BL = documents.runs(is_digit_BL, segment_ids_BL)
    problem_BL = documents.runs(is_digit_BL | is_separator_BL, segment_ids_BL)

    def of_problem(reduce, x_BL):
        """A number for each token, reduced over its problem."""
        return jax.vmap(lambda x_L, problem_L: reduce(x_L, problem_L, num_segments=length)[problem_L])(x_BL, problem_BL)

    from_front_BL = documents.packed(number_BL)
    from_end_BL = documents.packed(number_BL[:, ::-1])[:, ::-1]
    equals_BL = (tokens_BL == equals).astype(jnp.int32)
    seen_BL = jnp.cumsum(equals_BL, axis=1) - equals_BL
    is_operand_BL = is_digit_BL & (seen_BL == of_problem(jax.ops.segment_min, seen_BL))
    longest_BL = of_problem(jax.ops.segment_max, jnp.where(is_operand_BL, from_front_BL + from_end_BL + 1, 0))
    start_B1 = jnp.ones((tokens_BL.shape[0], 1), jnp.int32)
    if train:
        beyond_B1 = jnp.maximum(max_id - longest_BL.max(axis=1, keepdims=True), 2)
        start_B1 = jax.random.randint(rng, start_B1.shape, 1, beyond_B1, dtype=jnp.int32)
    significance_BL = from_front_BL if reversed_answer else from_end_BL
    significance_BL = jnp.where(is_operand_BL, from_end_BL, significance_BL)
    id_BL = jnp.where(is_digit_BL, longest_BL - significance_BL, longest_BL + 1) + start_B1
    id_BL = jnp.where(is_digit_BL | is_separator_BL, jnp.maximum(id_BL, 0), 0)
    return jnp.stack([documents.packed(segment_ids_BL), id_BL.astype(jnp.int32)], axis=-1)


def bipe(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    tokens_BL: jax.Array,
    segment_ids_BL: jax.Array | None = None,
    separators: tuple[int, ...] = (46, 10),
    train: bool = False,
) -> jax.Array:
    """Two coordinates: the place in a sentence, and the number of the sentence in its document, both from 0.

    A separator ends the sentence that it belongs to. They are token ids, by default a full stop and a line feed as
    bytes; a BPE token with a full stop inside is none. He et al. 2024 (arXiv 2401.16421, section 3.1), "BiPE".
    """
    segment_ids_BL = jnp.zeros_like(tokens_BL) if segment_ids_BL is None else segment_ids_BL
    ends_BL = jnp.isin(tokens_BL, jnp.asarray(separators)).astype(jnp.int32)
    before_BL = jnp.cumsum(ends_BL, axis=1) - ends_BL
    first_BL = jnp.arange(length, dtype=jnp.int32) - documents.packed(segment_ids_BL)
    number_BL = before_BL - jnp.take_along_axis(before_BL, first_BL, axis=1)
    sentence_BL = before_BL + jnp.cumsum(documents.packed(segment_ids_BL) == 0, axis=1)
    return jnp.stack([documents.packed(sentence_BL), number_BL.astype(jnp.int32)], axis=-1)


def _fits(length: int, function: Callable, **limit: int) -> None:
    """ValueError where a sequence is longer than the option that limits it."""
    ((option, most),) = limit.items()
    if length > most:
        raise ValueError(f'{function.__name__} positions: got a length of {length}, wanted at most {option} = {most}.')


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
    ) -> jax.Array | tuple[jax.Array, ...]:
        """[batch_size, length, ...], or [1, length, ...] where all sequences share the positions.

        A tuple of such arrays [B, L] where they share the first coordinate alone. Positions restart with each document
        where there are segments. ValueError for a map that needs tokens without them.
        """
        options = dict(self.options, train=train)
        if self.needs_tokens:
            if tokens_BL is None:
                raise ValueError(
                    f'{self.function.__name__} positions: got no tokens_BL, wanted the tokens they are of.'
                )
            given = dict(tokens_BL=tokens_BL, segment_ids_BL=segment_ids_BL)
            pos = self.function(rng, batch_size, length, **given, **options)
            if segment_ids_BL is not None or not getattr(self.function, 'first_shared', False):
                return pos
            return pos[:1, :, 0], *(pos[..., axis] for axis in range(1, pos.shape[2]))
        rows = 1 if getattr(self.function, 'shared_by_batch', False) else batch_size
        return documents.restart(self.function(rng, rows, length, **options), segment_ids_BL)


MAPS = {
    function.__name__: function
    for function in (sequential, randomized, randomized_distances, grid, shifted, pose, cape, abacus, coupled, bipe)
}


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
