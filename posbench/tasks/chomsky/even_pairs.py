"""Does a string of bits change an even number of times: regular (Deletang et al. 2023, arXiv 2207.02098, table 1).

It does where the last bit is the first.
"""

import jax

from posbench.tasks import questions
from posbench.tasks.chomsky import frequencies


class Task(questions.Blanks):
    """`length` bits are read; 0 is said where pairs 01 and 10 are even in number, and 1 where they are odd."""

    @property
    def alphabet(self) -> int:
        """Two bits."""
        return 2

    def rooms(self, length: int) -> tuple[int, int]:
        """Bits, and one answer."""
        return length, 1

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Bits, and whether the first one differs from the last."""
        bits_P = jax.random.randint(key, (room,), 0, 2)
        return questions.Asked(bits_P, length, (bits_P[0] ^ bits_P[length - 1])[None], 1)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """A coin; a single bit has no pair."""
        self.check(length)
        return frequencies.of_coins(1) if length > 1 else frequencies.of_one([1.0, 0.0])
