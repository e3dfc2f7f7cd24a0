"""Pairs of a key and a value, then one of the keys: which value stood behind it?

Associative recall, as in Ba et al. 2016 (arXiv 1610.06258) and, with many queries a sequence, in the MQAR of Arora et
al. 2023 (arXiv 2312.04927). Here one is asked, at the end. Positions say no more than which value is whose.
"""

import math
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.tasks import base, questions


class Task(questions.Said):
    """`length` is the pairs, two tokens each.

    keys: that there are; none stands twice, so that there are no more pairs.
    symbols: values that there are; they are no keys.
    """

    guess: ClassVar[str] = 'any value'
    says_end: ClassVar[bool] = False

    keys: Annotated[int, Range(min=1)] = base.option(128)
    symbols: Annotated[int, Range(min=2)] = base.option(64)

    @property
    def alphabet(self) -> int:
        """The keys and the values."""
        return self.keys + self.symbols

    def rooms(self, length: int) -> tuple[int, int]:
        """Pairs and a key; a value."""
        return 2 * length + 1, 1

    def check(self, length: int) -> None:
        """ValueError for more pairs than there are keys."""
        super().check(length)
        if length > self.keys:
            raise ValueError(f'length: got {length}, wanted at most config.task.keys = {self.keys}.')

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Pairs and a key of them, and its value."""
        key_key, value_key, query_key = jax.random.split(key, 3)
        keys_K = jnp.argsort(jax.random.uniform(key_key, (self.keys,)))
        values_R = self.keys + jax.random.randint(value_key, (room,), 0, self.symbols)
        asked = jax.random.randint(query_key, (), 0, length)
        place_P = jnp.arange(2 * room + 1)
        pair_P = jnp.minimum(place_P // 2, room - 1)
        prompt_P = jnp.where(place_P % 2 == 0, keys_K[jnp.minimum(pair_P, self.keys - 1)], values_R[pair_P])
        prompt_P = prompt_P.at[2 * length].set(keys_K[asked])
        return questions.Asked(prompt_P, 2 * length + 1, values_R[asked][None], 1)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Exact: all values are alike. One of those that were read is right 1 / length of the time, or more."""
        self.check(length)
        return dict(exact_match=1 / self.symbols, token_accuracy=1 / self.symbols, loss=math.log(self.symbols))

    def symbol(self, token: int) -> str:
        """Keys as k0 and so on, values as numbers."""
        return f'k{token}' if token < self.keys else str(token - self.keys)
