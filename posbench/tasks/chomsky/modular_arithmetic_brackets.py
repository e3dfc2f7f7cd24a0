"""Sums and products modulo 5, with brackets: deterministic context-free (Deletang et al. 2023, arXiv 2207.02098,
table 1).

A product is 0 more often than anything else, and so is an expression: 30 % of those of 100 symbols.
"""

import jax

from posbench.tasks import questions
from posbench.tasks.chomsky import brackets, frequencies

OPERATORS = 3


class Task(questions.Blanks):
    """An expression of `length` symbols is read, of digits from 0 to 4, +, -, * and brackets; its value modulo 5 is
    said.
    """

    @property
    def alphabet(self) -> int:
        """Five digits, +, -, *, ( and )."""
        return brackets.MODULUS + OPERATORS + 2

    def rooms(self, length: int) -> tuple[int, int]:
        """Symbols, and one digit."""
        return length, 1

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """An expression and its value."""
        symbols_P, value = brackets.expression(key, room, length, OPERATORS)
        return questions.Asked(symbols_P, length, value[None], 1)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Of the commonest value, exactly, by those of shorter expressions."""
        self.check(length)
        return frequencies.of_one(brackets.values(length, OPERATORS))
