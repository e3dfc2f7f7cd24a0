"""Is the number of ones even? A task of Kazemnejad et al. 2023 (arXiv 2305.19466)."""

import math
from typing import ClassVar

import jax
import jax.numpy as jnp

from posbench.tasks import base, questions, ragged, worded


class Task(worded.Worded):
    """`length` bits are read, 'even 1 0 1', and yes or no is said.

    scratchpad: the parity so far is said bit by bit before, '1 + 0 = 1 ; 0 + 1 = 1 ; 1 + 1 = 0 ; so yes'. Of the
      paper's parts of a step these are the input, the computation and the output, which is the variable too; the
      remaining input is left out, since it is the end of the question.
    """

    says_end: ClassVar[bool] = False

    scratchpad: bool = base.option(False)

    @property
    def words(self) -> tuple[str, ...]:
        """Bits, answers, and what stands between."""
        return '0', '1', 'yes', 'no', 'even', '+', '=', ';', 'so'

    def parts(self, length: int) -> tuple[worded.Parts, worded.Parts]:
        """Bits; yes or no."""
        steps = [(6 * length, ['1']), (1, ['so'])] if self.scratchpad else []
        return [(1, ['even']), (length, ['0'])], [*steps, (1, ['yes'])]

    def worded(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Bits, and whether they add up to an even number."""
        bits_S = jax.random.randint(key, (room,), 0, 2)
        parity_S = jnp.cumsum(bits_S) % 2
        yes, no, even, plus, equals, ends, so = self.numbers('yes', 'no', 'even', '+', '=', ';', 'so')
        before_S = (parity_S - bits_S) % 2
        steps_SK = ragged.columns(bits_S, plus, before_S, equals, parity_S, ends)
        steps = [(steps_SK.reshape(-1), length * 6), jnp.array([so])] if self.scratchpad else []
        question_room, answer_room = self.word_rooms(room)
        return questions.Asked(
            *ragged.joined(question_room, jnp.array([even]), (bits_S, length)),
            *ragged.joined(answer_room, *steps, jnp.where(parity_S[length - 1] == 1, no, yes)[None]),
        )

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Exact where an answer is one token, a coin toss; otherwise counted."""
        if self.scratchpad or self.spelling == 'characters':
            return super().chance(split, length)
        self.check(length)
        return worded.known(0.5, (1, 0.5, math.log(2)))
