"""Add two binary numbers: context-sensitive (Deletang et al. 2023, arXiv 2207.02098, table 1).

As in google-deepmind/randomized_positional_encodings, but that nothing after the end of an answer is trained on, and
nothing asked of one or two symbols, which have no room for a sum.
"""

import functools
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from posbench.tasks import questions
from posbench.tasks.chomsky import binary, frequencies


class Task(questions.Blanks):
    """`length` symbols are read: a number, a plus (2) and another number, neither of them 0, from the smallest bit on
    and perhaps with zeros at the end. Their sum is said in that order, without such zeros, and an end (2).

    The first number has 1 to `length` - 2 bits. There are `length` + 1 places for an answer; after its end nothing is
    scored.
    """

    shortest: ClassVar[int] = 3

    @property
    def alphabet(self) -> int:
        """Two bits, and what stands between numbers and after one."""
        return 3

    def rooms(self, length: int) -> tuple[int, int]:
        """Two numbers, and one."""
        return length, length + 1

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Two numbers and their sum."""
        symbols_P, numbers = binary.pair(key, room, length)
        answer_A, size = binary.ended(binary.add(*(jnp.pad(one_P, (0, 1)) for one_P in numbers)))
        return questions.Asked(symbols_P, length, answer_A, length + 1, size + 1)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Of the likeliest bit, or the end, of each place; exactly, by the chances of sums and what they carry."""
        self.check(length)
        p_AV = _places(length)
        commonest_A = p_AV.argmax(axis=1).tolist()
        bits = commonest_A[: commonest_A.index(binary.END)]
        said = sum(bit << place for place, bit in enumerate(bits))
        # A number that ends with a 0 bit is no answer.
        exact = np.mean([_share(said, size, length - 1 - size) for size in range(1, length - 1)])
        return frequencies.chance(p_AV, exact if bits and bits[-1] else 0.0)


def _share(total: int, size: int, other: int) -> float:
    """Of all pairs of numbers of `size` and `other` bits, those with this sum."""
    most, most_other = 2**size - 1, 2**other - 1
    pairs = min(most, total - 1) - max(1, total - most_other) + 1
    return max(pairs, 0) / (most * most_other)


@functools.lru_cache(maxsize=64)
def _places(length: int) -> np.ndarray:
    """The chance of each bit, or the end, at each place of an answer, [length + 1, 3]."""
    size_N = np.arange(1, length - 1)
    sizes_NJ = np.stack([size_N, length - 1 - size_N], axis=1)
    # For each size of the first number what is carried, and whether any bit was a 1 so far, of one number and of both.
    p_NCJK = np.zeros((len(size_N), 2, 2, 2))
    p_NCJK[:, 0, 0, 0] = 1
    neither_0_N = (1 - 0.5**sizes_NJ).prod(axis=1)
    p_AV, ended_N = np.zeros((length + 1, 3)), np.zeros(len(size_N))
    for place in range(length + 1):
        left_NJ = (sizes_NJ - place).clip(0)
        # Nothing is carried, and all further bits are 0.
        done_N = p_NCJK[:, 0, 1, 1] * (0.5**left_NJ).prod(axis=1) / neither_0_N
        after = np.zeros_like(p_NCJK)
        one_N = np.zeros(len(size_N))
        later_NJ = 1 - 0.5 ** (left_NJ - 1).clip(0)
        for carried, j, k, a, b in np.ndindex(2, 2, 2, 2, 2):
            p_a, p_b = (np.where(left_NJ[:, n] > 0, 0.5, 1.0 - bit) for n, bit in enumerate((a, b)))
            p_N = p_NCJK[:, carried, j, k] * p_a * p_b
            total = carried + a + b
            after[:, total // 2, j | a, k | b] += p_N
            if total % 2:
                becomes_N = np.where(j | a, 1, later_NJ[:, 0]) * np.where(k | b, 1, later_NJ[:, 1])
                one_N += p_N * becomes_N / neither_0_N
        p_AV[place] = np.mean([1 - done_N - one_N, one_N, done_N - ended_N], axis=1)
        p_NCJK, ended_N = after, done_N
    return p_AV.clip(0)
