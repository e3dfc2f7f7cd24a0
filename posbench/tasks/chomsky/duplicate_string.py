"""Say a string of bits twice: context-sensitive (Deletang et al. 2023, arXiv 2207.02098, table 1)."""

import jax
import jax.numpy as jnp

from posbench.tasks import questions
from posbench.tasks.chomsky import frequencies


class Task(questions.Blanks):
    """`length` bits are read, and twice as many are said."""

    @property
    def alphabet(self) -> int:
        """Two bits."""
        return 2

    def rooms(self, length: int) -> tuple[int, int]:
        """Bits, and twice as many."""
        return length, 2 * length

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Bits, and the same one after the other, two times."""
        bits_P = jax.random.randint(key, (room,), 0, 2)
        return questions.Asked(bits_P, length, bits_P[jnp.arange(2 * room) % length], 2 * length)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """A coin for each bit."""
        self.check(length)
        return frequencies.of_coins(length)
