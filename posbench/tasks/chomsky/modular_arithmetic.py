"""Sums and products modulo 5, without brackets: regular (Deletang et al. 2023, arXiv 2207.02098, table 1)."""

import jax
import jax.numpy as jnp
import numpy as np

from posbench.tasks import questions
from posbench.tasks.chomsky import frequencies

MODULUS = 5
PLUS, MINUS, TIMES = MODULUS, MODULUS + 1, MODULUS + 2


class Task(questions.Blanks):
    """Digits from 0 to 4 with +, - or * between them are read, the value modulo 5 is said; * binds tighter.

    There are `length` symbols, or one less where that is even.
    """

    @property
    def alphabet(self) -> int:
        """Five digits, +, - and *."""
        return MODULUS + 3

    def rooms(self, length: int) -> tuple[int, int]:
        """An odd number of symbols, and one digit."""
        return _odd(length), 1

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Digits and operators, all equally likely, and the value."""
        (places, _), size = self.rooms(room), _odd(length)
        of_digits, of_operators = jax.random.split(key)
        digits_N = jax.random.randint(of_digits, (places // 2 + 1,), 0, MODULUS)
        operators_N = jax.random.randint(of_operators, (places // 2 + 1,), PLUS, TIMES + 1)
        # What is left of the first term is read like what follows a plus.
        before_N = jnp.concatenate([jnp.array([PLUS]), operators_N[:-1]])

        def read(state, symbols):
            digit, operator, number = symbols
            of_terms, term = state
            ended = operator != TIMES
            new = (
                jnp.where(ended, of_terms + term, of_terms) % MODULUS,
                jnp.select([operator == PLUS, operator == MINUS], [digit, -digit], term * digit) % MODULUS,
            )
            return jax.tree.map(lambda x, y: jnp.where(2 * number < size, x, y), new, state), None

        zero = jnp.zeros((), digits_N.dtype)
        (of_terms, term), _ = jax.lax.scan(read, (zero, zero), (digits_N, before_N, jnp.arange(len(digits_N))))
        symbols_P = jnp.stack([digits_N, operators_N], axis=1).reshape(-1)[:places]
        return questions.Asked(symbols_P, size, ((of_terms + term) % MODULUS)[None], 1)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Of the commonest value, exactly, by the chances of what the terms so far and the last factor come to."""
        self.check(length)
        # [sum of all terms but the last, last term]
        p_TV = np.zeros((MODULUS, MODULUS))
        p_TV[0] = 1 / MODULUS
        for _ in range(_odd(length) // 2):
            product_TV = np.zeros_like(p_TV)
            for digit in range(MODULUS):
                np.add.at(product_TV.T, np.arange(MODULUS) * digit % MODULUS, p_TV.T / MODULUS)
            # A new term is any digit, whether it is added or taken away.
            p_TV = product_TV / 3 + 2 / 3 * _sums(p_TV)[:, None] / MODULUS
        return frequencies.of_one(_sums(p_TV))


def _odd(length):
    return length - (length + 1) % 2


def _sums(p_TV: np.ndarray) -> np.ndarray:
    """The chances of each value of all terms together."""
    return sum(np.roll(p_TV[:, value], value) for value in range(MODULUS))
