"""Which digit makes an equation true: deterministic context-free (Deletang et al. 2023, arXiv 2207.02098, table 1)."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from posbench.tasks import questions
from posbench.tasks.chomsky import brackets, frequencies

OPERATORS = 2
# After the brackets.
X = brackets.MODULUS + OPERATORS + 2
EQUALS = X + 1


class Task(questions.Blanks):
    """`length` symbols are read: an expression of digits from 0 to 4, +, - and brackets, one digit of it hidden, and
    what it equals modulo 5. The hidden digit is said; it is the only one that fits.

    It is the first digit from a place on that is drawn evenly, beyond the end from the beginning. Of fewer than three
    symbols, of which the authors' code makes zeros, nothing is asked.
    """

    shortest: ClassVar[int] = 3

    @property
    def alphabet(self) -> int:
        """Five digits, +, -, (, ), x and =."""
        return EQUALS + 1

    def rooms(self, length: int) -> tuple[int, int]:
        """Symbols, and one digit."""
        return length, 1

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """An equation and what was hidden."""
        of_expression, of_place = jax.random.split(key)
        size, place_P = length - 2, jnp.arange(room)
        symbols_P, value = brackets.expression(of_expression, room, size, OPERATORS)
        behind_P = (place_P - jax.random.randint(of_place, (), 0, size)) % size
        hidden = jnp.where((symbols_P < brackets.MODULUS) & (place_P < size), behind_P, room).argmin()
        equation_P = jnp.select(
            [place_P == hidden, place_P < size, place_P == size],
            [jnp.full_like(symbols_P, X), symbols_P, jnp.full_like(symbols_P, EQUALS)],
            value,
        )
        return questions.Asked(equation_P, length, symbols_P[hidden][None], 1)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Any digit: where it stands says nothing of it."""
        self.check(length)
        return frequencies.of_one([1 / brackets.MODULUS] * brackets.MODULUS)
