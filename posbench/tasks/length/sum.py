"""What is the sum of one-digit numbers, modulo 10? A task of Kazemnejad et al. 2023 (arXiv 2305.19466)."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from posbench.tasks import base, questions, ragged, worded

# The largest sum of a digit and a term.
NUMBERS = tuple(map(str, range(19)))


class Task(worded.Worded):
    """`length` terms from 1 to 9 are read, 'compute 3 + 1 + 8', and a digit is said.

    scratchpad: sums are said term by term before, '3 + 0 = 3 ; 1 + 3 = 4 ; 8 + 4 = 12 ; so 2'; the next step goes on
      with the last digit. Of the paper's parts of a step these are the input, the computation and the output; the
      variable is what is added, and the remaining input is left out, since it is the end of the question.
    """

    says_end: ClassVar[bool] = False

    scratchpad: bool = base.option(False)

    @property
    def words(self) -> tuple[str, ...]:
        """Numbers, and what stands between."""
        return *NUMBERS, 'compute', '+', '=', ';', 'so'

    def parts(self, length: int) -> tuple[worded.Parts, worded.Parts]:
        """Terms and their sum."""
        steps = [(2 * length, worded.DIGITS), (length, NUMBERS), (3 * length, ['+']), (1, ['so'])]
        terms = [(1, ['compute']), (length, worded.DIGITS), (length - 1, ['+'])]
        return terms, [*(steps if self.scratchpad else []), (1, worded.DIGITS)]

    def worded(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Terms with a plus in between, and their sum."""
        terms_S = jax.random.randint(key, (room,), 1, 10)
        sums_S = jnp.cumsum(terms_S)
        compute, plus, equals, ends, so = self.numbers('compute', '+', '=', ';', 'so')
        read_SK = ragged.columns(terms_S, plus)
        before_S = (sums_S - terms_S) % 10
        steps_SK = ragged.columns(terms_S, plus, before_S, equals, before_S + terms_S, ends)
        steps = [(steps_SK.reshape(-1), length * 6), jnp.array([so])] if self.scratchpad else []
        question_room, answer_room = self.word_rooms(room)
        return questions.Asked(
            *ragged.joined(question_room, jnp.array([compute]), (read_SK.reshape(-1), 2 * length - 1)),
            *ragged.joined(answer_room, *steps, sums_S[length - 1][None] % 10),
        )

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Exact without a scratchpad: since no term is 0, few add up to 0 a little more, or less, often."""
        if self.scratchpad:
            return super().chance(split, length)
        self.check(length)
        # A term is (10 / 9) of any digit less (1 / 9) of 0, and any digit plus something is any digit.
        left = (-1 / 9) ** length
        zero, other = 0.1 + 0.9 * left, 0.1 - 0.1 * left
        return worded.known(max(zero, other), (1, max(zero, other), worded.nats([zero, *[other] * 9])))
