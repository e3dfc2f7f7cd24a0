"""Which bit is missing in a string that is there twice: context-sensitive (Deletang et al. 2023, arXiv 2207.02098,
table 1).
"""

from typing import ClassVar

import jax
import jax.numpy as jnp

from posbench.tasks import questions
from posbench.tasks.chomsky import frequencies

HIDDEN, PADDING = 2, 3


class Task(questions.Blanks):
    """`length` symbols are read: a string of bits, the same again, one bit anywhere in both hidden (2), and padding (3)
    after it all where `length` is odd. The hidden bit is said.

    Of a single symbol, for which the authors' code says 1, nothing is asked.
    """

    shortest: ClassVar[int] = 2

    @property
    def alphabet(self) -> int:
        """Two bits, what stands for the hidden one, and padding."""
        return 4

    def rooms(self, length: int) -> tuple[int, int]:
        """Symbols, and one bit."""
        return length, 1

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Bits twice, without one, and that one."""
        of_bits, of_place = jax.random.split(key)
        half, place_P = length // 2, jnp.arange(room)
        bits_P = jax.random.randint(of_bits, (room,), 0, 2)[place_P % half]
        hidden = jax.random.randint(of_place, (), 0, 2 * half)
        symbols_P = jnp.select(
            [place_P == hidden, place_P < 2 * half], [jnp.full_like(bits_P, HIDDEN), bits_P], PADDING
        )
        return questions.Asked(symbols_P, length, bits_P[hidden][None], 1)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """A coin."""
        self.check(length)
        return frequencies.of_coins(1)
