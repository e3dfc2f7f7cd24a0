"""Sort a string of five symbols: context-sensitive (Deletang et al. 2023, arXiv 2207.02098, table 1).

At the places of a long answer there is little to choose from: of 41 to 500 symbols a predictor that knows places and
length alone has 90 % right on average, and published accuracies are to be read beside that.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from posbench.tasks import questions
from posbench.tasks.chomsky import frequencies

SYMBOLS = 5


class Task(questions.Blanks):
    """`length` symbols from 0 to 4 are read, and said in rising order."""

    @property
    def alphabet(self) -> int:
        """Five symbols."""
        return SYMBOLS

    def rooms(self, length: int) -> tuple[int, int]:
        """As many as there are symbols."""
        return length, length

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Symbols, and the same in order."""
        symbols_P = jax.random.randint(key, (room,), 0, SYMBOLS)
        sorted_A = jnp.sort(jnp.where(jnp.arange(room) < length, symbols_P, SYMBOLS))
        return questions.Asked(symbols_P, length, sorted_A, length)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Of the likeliest symbol of each place, exactly: there is one up to v where more than as many symbols as stand
        before it are at most v, of which there is a binomial number.
        """
        self.check(length)
        p_AV = np.diff([_more_than(length, v / SYMBOLS) for v in range(SYMBOLS + 1)], axis=0).T.clip(0)
        # One string alone, which so many orders of its symbols are sorted to.
        counts_V = np.bincount(p_AV.argmax(axis=1), minlength=SYMBOLS)
        log_orders = math.lgamma(length + 1) - sum(math.lgamma(count + 1) for count in counts_V)
        return frequencies.chance(p_AV, math.exp(log_orders - length * math.log(SYMBOLS)))


def _more_than(length: int, p: float) -> np.ndarray:
    """The chances that a binomial number of so many is above 0, 1, ..., length - 1."""
    if p in (0.0, 1.0):
        return np.full(length, p)
    log_choose_N = np.array([math.lgamma(n + 1) + math.lgamma(length - n + 1) for n in range(length + 1)])
    count_N = np.arange(length + 1)
    log_p_N = math.lgamma(length + 1) - log_choose_N + count_N * math.log(p) + (length - count_N) * math.log1p(-p)
    return np.cumsum(np.exp(log_p_N)[::-1])[::-1][1:]
