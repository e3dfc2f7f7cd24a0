"""Multiply two binary numbers: context-sensitive (Deletang et al. 2023, arXiv 2207.02098, table 1).

As in google-deepmind/randomized_positional_encodings, but that nothing after the end of an answer is trained on, and
nothing asked of one or two symbols, which have no room for a product.
"""

from typing import ClassVar

import jax

from posbench.tasks import questions
from posbench.tasks.chomsky import binary


class Task(questions.Blanks):
    """`length` symbols are read: a number, a times sign (2) and another number, neither of them 0, from the smallest
    bit on and perhaps with zeros at the end. Their product is said in that order, without such zeros, and an end (2).

    The first number has 1 to `length` - 2 bits. There are `length` places for an answer; after its end nothing is
    scored.
    """

    shortest: ClassVar[int] = 3

    @property
    def alphabet(self) -> int:
        """Two bits, and what stands between numbers and after one."""
        return 3

    def rooms(self, length: int) -> tuple[int, int]:
        """Two numbers, and one."""
        return length, length

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Two numbers and their product."""
        symbols_P, numbers = binary.pair(key, room, length)
        answer_A, size = binary.ended(binary.multiply(*numbers))
        return questions.Asked(symbols_P, length, answer_A, length, size + 1)
