"""Say every second bit, then the others: context-sensitive (Deletang et al. 2023, arXiv 2207.02098, table 1).

The order is the one that the authors' code makes, and with it the published numbers: places 1, 3, 5, ... counted from
0, then 0, 2, 4, ... Its docstring (google-deepmind/neural_networks_chomsky_hierarchy, tasks/cs/odds_first.py) and its
examples have the two halves the other way round, s_1 s_3 s_5 ... counted from 1, which nothing computes.
"""

import jax
import jax.numpy as jnp

from posbench.tasks import questions
from posbench.tasks.chomsky import frequencies


class Task(questions.Blanks):
    """`length` bits are read, and said again: those at odd places first, where the first place is 0."""

    @property
    def alphabet(self) -> int:
        """Two bits."""
        return 2

    def rooms(self, length: int) -> tuple[int, int]:
        """As many as there are bits."""
        return length, length

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Bits, and those at odd places before those at even ones."""
        bits_P = jax.random.randint(key, (room,), 0, 2)
        place_P, odd = jnp.arange(room), length // 2
        from_P = jnp.where(place_P < odd, 2 * place_P + 1, 2 * (place_P - odd))
        return questions.Asked(bits_P, length, bits_P[jnp.clip(from_P, 0, room - 1)], length)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """A coin for each bit."""
        self.check(length)
        return frequencies.of_coins(length)
