"""Which letter stands so many places before or after another one?

The Indirect Indexing of PoPE (Gopalakrishnan et al. 2025, arXiv 2509.10534): a string of 20 to 40 letters of 52, none
twice; one of them; a shift from -15 to +15; and the letter that stands so far to the right (+) or left (-) of it. What
is asked for is found by what it is and then by where it is, which encodings that mix both do not tell apart. Tokens
are characters, `abcXYZ,c,+2` and what asks in the place of the last comma; there are no spaces. A shift that leaves the
string is drawn again, which the paper does not say. A string of any length needs an alphabet as large.
"""

import math
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.tasks import base, questions

_MARKS = '0123456789,+-'
_LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'


class Task(questions.Said):
    """`length` letters are read; in training from half as many on, as in the paper.

    letters: of the alphabet, and so of the longest string.
    shift: the largest, to both sides.
    """

    guess: ClassVar[str] = 'any letter of the alphabet'
    says_end: ClassVar[bool] = False
    shortest: ClassVar[int] = 2

    letters: Annotated[int, Range(min=2)] = base.option(52)
    shift: Annotated[int, Range(min=1, max=99)] = base.option(15)

    @property
    def alphabet(self) -> int:
        """The letters, ten digits, the comma and two signs."""
        return self.letters + len(_MARKS)

    def rooms(self, length: int) -> tuple[int, int]:
        """String, comma, letter, comma, sign and at most two digits; a letter."""
        return length + 4 + len(str(self.shift)), 1

    def check(self, length: int) -> None:
        """ValueError for more letters than there are."""
        super().check(length)
        if length > self.letters:
            raise ValueError(f'length: got {length}, wanted at most config.task.letters = {self.letters}.')

    def drawn_length(self, key: jax.Array, length: int) -> jax.Array:
        """Evenly from half of it."""
        return jax.random.randint(key, (), max(self.shortest, (length + 1) // 2), length + 1)

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """A string, a letter of it, a shift, and the letter there."""
        letters_key, place_key, shift_key = jax.random.split(key, 3)
        letters_N = jnp.argsort(jax.random.uniform(letters_key, (self.letters,)))
        source = jax.random.randint(place_key, (), 0, length)
        least, most = jnp.maximum(-self.shift, -source), jnp.minimum(self.shift, length - 1 - source)
        shift = jax.random.randint(shift_key, (), least, most + 1)
        tens, ones = jnp.divmod(jnp.abs(shift), 10)
        sign = jnp.where(shift < 0, self._mark('-'), self._mark('+'))
        comma, zero = self._mark(','), self._mark('0')
        number_2 = jnp.where(tens > 0, jnp.stack([zero + tens, zero + ones]), zero + ones)
        tail_T = jnp.stack([comma, letters_N[source], comma, sign, *number_2])
        place_P = jnp.arange(self.rooms(room)[0])
        prompt_P = jnp.where(
            place_P < length,
            letters_N[jnp.minimum(place_P, self.letters - 1)],
            tail_T[jnp.clip(place_P - length, 0, len(tail_T) - 1)],
        )
        return questions.Asked(prompt_P, length + 5 + (tens > 0), letters_N[source + shift][None], 1)

    def _mark(self, character: str) -> int:
        return self.letters + _MARKS.index(character)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Exact: without a look at the string. Any letter of it is right 1 / length of the time."""
        self.check(length)
        return dict(exact_match=1 / self.letters, token_accuracy=1 / self.letters, loss=math.log(self.letters))

    def symbol(self, token: int) -> str:
        """The character; letters of an alphabet of more than 52 have numbers."""
        if token >= self.letters:
            return _MARKS[token - self.letters]
        return _LETTERS[token] if self.letters <= len(_LETTERS) else f'x{token}'
