"""Is the number of ones even: regular (Deletang et al. 2023, arXiv 2207.02098, table 1)."""

import jax
import jax.numpy as jnp

from posbench.tasks import questions
from posbench.tasks.chomsky import frequencies


class Task(questions.Blanks):
    """`length` bits are read; 0 is said where the ones are even in number, and 1 where they are odd."""

    @property
    def alphabet(self) -> int:
        """Two bits."""
        return 2

    def rooms(self, length: int) -> tuple[int, int]:
        """Bits, and one answer."""
        return length, 1

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Bits, and their sum modulo 2."""
        bits_P = jax.random.randint(key, (room,), 0, 2)
        ones = jnp.where(jnp.arange(room) < length, bits_P, 0).sum()
        return questions.Asked(bits_P, length, (ones % 2)[None], 1)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """A coin."""
        self.check(length)
        return frequencies.of_coins(1)
