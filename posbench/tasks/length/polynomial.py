"""What is a polynomial at a number, modulo 10? A task of Kazemnejad et al. 2023 (arXiv 2305.19466)."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from posbench.tasks import base, questions, ragged, worded

# Coefficients are -3 to 3, degrees 0 to 3, x is -2 to 2: all terms are among these.
LOWEST, HIGHEST = -24, 24
NUMBERS = tuple(map(str, range(LOWEST, HIGHEST + 1)))
COEFFICIENTS, POWERS, XS = (tuple(map(str, range(-most, most + 1))) for most in (3, 8, 2))
POWER_XD = np.arange(-2, 3)[:, None] ** np.arange(4)


class Task(worded.Worded):
    """`length` terms are read after an x, 'evaluate x = -2 in 3 * x ^ 2 + -1 * x ^ 3', and a digit is said.

    scratchpad: terms and sums are said one by one before, '3 * 4 = 12 + 0 = 2 ; -1 * -8 = 8 + 2 = 0 ; so 0'. Of the
      paper's parts of a step the coefficient stands for the input, then there are the computation, the output (12), and
      the variable, which is the sum modulo 10 before and after; the remaining input is left out, since it is the end of
      the question.
    """

    says_end: ClassVar[bool] = False

    scratchpad: bool = base.option(False)

    @property
    def words(self) -> tuple[str, ...]:
        """Numbers, and what stands between."""
        return *NUMBERS, 'evaluate', 'x', '=', 'in', '*', '^', '+', ';', 'so'

    def parts(self, length: int) -> tuple[worded.Parts, worded.Parts]:
        """The number, terms of which the last has no plus, and the value."""
        start = [(1, ['evaluate']), (2, ['x']), (1, XS), (1, ['in'])]
        terms = [(length, COEFFICIENTS), (5 * length - 1, ['x'])]
        factors = [(length, COEFFICIENTS), (length, POWERS), (length, NUMBERS), (2 * length, worded.DIGITS)]
        steps = [*factors, (5 * length, ['*']), (1, ['so'])] if self.scratchpad else []
        return [*start, *terms], [*steps, (1, worded.DIGITS)]

    def worded(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Terms of a coefficient and a degree each, and what they add up to."""
        x_key, coefficient_key, degree_key = jax.random.split(key, 3)
        x = jax.random.randint(x_key, (), -2, 3)
        coefficient_S = jax.random.randint(coefficient_key, (room,), -3, 4)
        degree_S = jax.random.randint(degree_key, (room,), 0, 4)
        power_S = jnp.asarray(POWER_XD, jnp.int32)[x + 2, degree_S]
        term_S = coefficient_S * power_S
        value_S = jnp.cumsum(term_S) % 10
        before_S = (value_S - term_S) % 10
        evaluate, letter, equals, in_ = self.numbers('evaluate', 'x', '=', 'in')
        times, to, plus, ends, so = self.numbers('*', '^', '+', ';', 'so')
        start = jnp.stack([evaluate, letter, equals, _number(x), in_])
        terms_SK = ragged.columns(_number(coefficient_S), times, letter, to, _number(degree_S), plus)
        product_SK = ragged.columns(_number(coefficient_S), times, _number(power_S), equals, _number(term_S))
        sum_SK = ragged.columns(jnp.full_like(term_S, plus), _number(before_S), equals, _number(value_S), ends)
        steps_SK = jnp.concatenate([product_SK, sum_SK], axis=1)
        steps = [(steps_SK.reshape(-1), length * 10), jnp.array([so])] if self.scratchpad else []
        question_room, answer_room = self.word_rooms(room)
        return questions.Asked(
            *ragged.joined(question_room, start, (terms_SK.reshape(-1), 6 * length - 1)),
            *ragged.joined(answer_room, *steps, _number(value_S[length - 1])[None]),
        )


def _number(value: jax.Array) -> jax.Array:
    return value - LOWEST
