"""Where does a walk on a circle end: regular (Deletang et al. 2023, arXiv 2207.02098, table 1)."""

import jax
import jax.numpy as jnp
import numpy as np

from posbench.tasks import questions
from posbench.tasks.chomsky import frequencies

PLACES = 5


class Task(questions.Blanks):
    """`length` steps are read, each back (0), none (1) or on (2), on a circle of five places; the place is said where
    a walk ends that begins at 0.
    """

    @property
    def alphabet(self) -> int:
        """The places; three of these are steps too."""
        return PLACES

    def rooms(self, length: int) -> tuple[int, int]:
        """Steps, and one place."""
        return length, 1

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Steps, and their sum modulo 5."""
        steps_P = jax.random.randint(key, (room,), 0, 3)
        end = jnp.where(jnp.arange(room) < length, steps_P - 1, 0).sum() % PLACES
        return questions.Asked(steps_P, length, end[None], 1)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Of the place where most walks end, exactly: after a few steps all are about as likely."""
        self.check(length)
        p_V = np.eye(PLACES)[0]
        for _ in range(length):
            p_V = (np.roll(p_V, -1) + p_V + np.roll(p_V, 1)) / 3
        return frequencies.of_one(p_V)
