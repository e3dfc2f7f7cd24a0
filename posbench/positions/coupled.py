"""Ids that digits of equal significance share."""

from typing import Annotated

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.positions import base, documents

LOOKED = dict(digits=base.Looked('0123456789'), separators=base.Looked('+='), equals=base.Looked('='))


@base.looks_for(**LOOKED)
@base.first_shared
def coupled(
    rng: jax.Array,
    batch_size: int,
    length: int,
    *,
    tokens_BL: jax.Array,
    segment_ids_BL: jax.Array | None = None,
    digits: tuple[int, ...] | None = None,
    separators: tuple[int, ...] | None = None,
    equals: int | None = None,
    reversed_answer: bool = True,
    max_id: Annotated[int, Range(min=3)] = 202,
    train: bool = False,
) -> jax.Array:
    """Two coordinates: the place in the sequence, and an id that digits of equal significance share; 0 elsewhere.

    A problem is a run of digits and separators, such as 653+49=2071: numbers up to `equals` are operands, read from
    the most significant digit, and those after it are answers, read from the least significant one if
    `reversed_answer`. Ids rise with significance towards the front: start + n - s for the digit of 10^s, with n the
    digits of the longest operand, and start + n + 1 for separators. `start` is drawn for each sequence from
    [1, max_id - n) in training; it is 1 at evaluation. All are token ids; None: those of 0 to 9, of + and =, and of =,
    of bytes where no run says which tokens there are.

    The id of an operand's digit depends on digits to come: operands are for prompts. Cho et al. 2024 (arXiv 2405.20671,
    section 3); the order of ids and the draw are those of the authors' code (HanseulJo/position-coupling).
    """
    segment_ids_BL = jnp.zeros_like(tokens_BL) if segment_ids_BL is None else segment_ids_BL
    given = dict(digits=digits, separators=separators, equals=equals)
    digits, separators, (equals,) = (base.as_bytes(given[name], LOOKED[name].characters) for name in given)
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
