"""Say a string of bits backwards: deterministic context-free (Deletang et al. 2023, arXiv 2207.02098, table 1)."""

import jax
import jax.numpy as jnp

from posbench.tasks import questions
from posbench.tasks.chomsky import frequencies


class Task(questions.Blanks):
    """`length` bits are read, and as many are said."""

    @property
    def alphabet(self) -> int:
        """Two bits."""
        return 2

    def rooms(self, length: int) -> tuple[int, int]:
        """As many as there are bits."""
        return length, length

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Bits, and the same from the last to the first."""
        bits_P = jax.random.randint(key, (room,), 0, 2)
        place_P = jnp.arange(room)
        return questions.Asked(bits_P, length, bits_P[jnp.maximum(length - 1 - place_P, 0)], length)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """A coin for each bit."""
        self.check(length)
        return frequencies.of_coins(length)
