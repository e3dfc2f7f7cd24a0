"""The square root of a binary number, without what is behind the point: context-sensitive (Deletang et al. 2023, arXiv
2207.02098, table 1).
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from posbench.tasks import questions
from posbench.tasks.chomsky import binary, frequencies

# Bits of one digit of the numbers that the root is found with: two more fit an int32.
DIGIT = 28


class Task(questions.Blanks):
    """The `length` bits of a number from 1 to 2^`length` - 1 are read, from the largest one on, and the
    ceil(`length` / 2) bits of its root said in that order.
    """

    @property
    def alphabet(self) -> int:
        """Two bits."""
        return 2

    def rooms(self, length: int) -> tuple[int, int]:
        """Bits of a number, and of its root."""
        return length, (length + 1) // 2

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """A number, all equally likely, and its root."""
        bits_P = binary.number(key, room, length)
        places = self.rooms(room)[1]
        # Two bits of the number make one of the root; of an odd number of bits the first stands alone.
        place_A2 = 2 * jnp.arange(places)[:, None] + jnp.arange(2) - length % 2
        pairs_A2 = jnp.where((place_A2 >= 0) & (place_A2 < room), bits_P[jnp.clip(place_A2, 0, room - 1)], 0)
        return questions.Asked(bits_P, length, _root(2 * pairs_A2[:, 0] + pairs_A2[:, 1]), (length + 1) // 2)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Of the likeliest bit of each place, exactly: there are 2 r + 1 numbers of root r, but for the largest one."""
        self.check(length)
        places, numbers = (length + 1) // 2, 2**length - 1
        largest = math.isqrt(numbers)
        of_largest = numbers - largest**2 + 1
        p_AV = np.zeros((places, 2))
        for place in range(places):
            bit = places - 1 - place
            ones = _numbers_with(bit, largest) + of_largest * (largest >> bit & 1)
            # 0 is no number that is asked for.
            p_AV[place] = (numbers - ones) / numbers, ones / numbers
        said = sum(int(bit) << places - 1 - place for place, bit in enumerate(p_AV.argmax(axis=1)))
        squares = of_largest if said == largest else 2 * said + 1 - (said == 0)
        return frequencies.chance(p_AV, squares / numbers if said <= largest else 0.0)


def _root(pairs_A: jax.Array) -> jax.Array:
    """The bits of a root, the largest first, by hand: each is as large as what is left allows. pairs_A: 0 to 3."""
    digits = (len(pairs_A) + 3) // DIGIT + 1

    def moved(number_N, by, low):
        carried_N = jnp.pad(number_N[:-1] >> (DIGIT - by), (1, 0))
        return (number_N << by & 2**DIGIT - 1 | carried_N).at[0].add(low)

    def less(borrowed, both):
        one, other = both
        difference = one - other - borrowed
        return (difference < 0).astype(jnp.int32), difference & 2**DIGIT - 1

    def one_bit(state, pair):
        left_N, root_N = state
        left_N, tried_N = moved(left_N, 2, pair), moved(root_N, 2, 1)
        too_much, difference_N = jax.lax.scan(less, jnp.zeros((), jnp.int32), (left_N, tried_N))
        left_N = jnp.where(too_much, left_N, difference_N)
        return (left_N, moved(root_N, 1, 1 - too_much)), 1 - too_much

    zero_N = jnp.zeros(digits, jnp.int32)
    return jax.lax.scan(one_bit, (zero_N, zero_N), pairs_A)[1]


def _numbers_with(bit: int, below: int) -> int:
    """How many numbers have a root less than `below` in which that bit is 1: the sum of 2 r + 1 over these roots."""
    half = 2**bit
    whole, rest = divmod(below, 2 * half)
    # Of the k-th run of such roots, from (2 k + 1) half to (2 k + 2) half: the difference of these squares.
    first = (2 * whole + 1) * half
    return half**2 * (2 * whole**2 + whole) + (below**2 - first**2 if rest > half else 0)
