"""A needle in a haystack: a key and its value somewhere among tokens that mean nothing, and then the key.

The synthetic retrieval of RULER (Hsieh et al. 2024, arXiv 2404.06654) in tokens of its own: one needle is its S-NIAH,
several of which one is asked for its MK-NIAH. Needles stand anywhere, all ways to place them being as likely; a page
shows how often they are found by where they stand. Key and value follow one another, and the rest is drawn anew for
each row, where RULER has sentences.
"""

import math
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.tasks import base, questions
from posbench.tasks.retrieval import depth


class Task(depth.Hidden):
    """`length` is the tokens that are read up to the key that is asked for, that one included.

    needles: pairs of a key and a value; no key stands twice.
    keys, symbols: keys and values that there are.
    fillers: other tokens that there are.
    """

    guess: ClassVar[str] = 'any value'
    says_end: ClassVar[bool] = False

    needles: Annotated[int, Range(min=1)] = base.option(1)
    keys: Annotated[int, Range(min=1)] = base.option(32)
    symbols: Annotated[int, Range(min=2)] = base.option(32)
    fillers: Annotated[int, Range(min=1)] = base.option(32)

    @property
    def shortest(self) -> int:
        """Without a token in between."""
        return 2 * self.needles + 1

    @property
    def alphabet(self) -> int:
        """Keys, values, and what means nothing."""
        return self.keys + self.symbols + self.fillers

    def rooms(self, length: int) -> tuple[int, int]:
        """All that is read; a value."""
        return length, 1

    def check(self, length: int) -> None:
        """ValueError also for more needles than there are keys."""
        super().check(length)
        if self.needles > self.keys:
            raise ValueError(f'config.task.needles: got {self.needles}, wanted at most config.task.keys = {self.keys}.')

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """A haystack and a key in it, and its value."""
        place_key, key_key, value_key, filler_key, query_key = jax.random.split(key, 5)
        keys_N = jnp.argsort(jax.random.uniform(key_key, (self.keys,)))[: self.needles]
        values_N = self.keys + jax.random.randint(value_key, (self.needles,), 0, self.symbols)
        fillers_P = self.keys + self.symbols + jax.random.randint(filler_key, (room,), 0, self.fillers)
        # A unit is a needle or one token; those with the smallest numbers are needles.
        index_U = jnp.arange(room)
        is_unit_U = index_U < length - 1 - self.needles
        drawn_U = jnp.where(is_unit_U, jax.random.uniform(place_key, (room,)), 2.0)
        is_needle_U = jnp.argsort(jnp.argsort(drawn_U)) < self.needles
        width_U = jnp.where(is_unit_U, 1 + is_needle_U, 0)
        stop_U = jnp.cumsum(width_U)
        unit_P = jnp.minimum(jnp.searchsorted(stop_U, index_U, side='right'), room - 1)
        needle_P = jnp.clip(jnp.cumsum(is_needle_U)[unit_P] - 1, 0, self.needles - 1)
        pair_P2 = jnp.stack([keys_N[needle_P], values_N[needle_P]], axis=1)
        offset_P = jnp.clip(index_U - (stop_U - width_U)[unit_P], 0, 1)
        prompt_P = jnp.where(is_needle_U[unit_P], pair_P2[index_U, offset_P], fillers_P)
        query = jax.random.randint(query_key, (), 0, self.needles)
        return questions.Asked(prompt_P.at[length - 1].set(keys_N[query]), length, values_N[query][None], 1)

    def found(self, inputs_L: jax.Array) -> jax.Array:
        """Where the key stands that is asked for."""
        return jnp.argmax(inputs_L == inputs_L[jnp.argmax(inputs_L == self.asks) - 1])

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Exact: all values are alike. One of those that were read is right 1 / needles of the time, or more."""
        self.check(length)
        return dict(exact_match=1 / self.symbols, token_accuracy=1 / self.symbols, loss=math.log(self.symbols))

    def symbol(self, token: int) -> str:
        """Keys as k0 and so on, values as numbers, fillers as letters and numbers."""
        if token < self.keys:
            return f'k{token}'
        value = token - self.keys
        return str(value) if value < self.symbols else f'x{value - self.symbols}'
