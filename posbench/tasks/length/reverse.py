"""Say symbols backwards, in the three ways of Kazemnejad et al. 2023 (arXiv 2305.19466), by a decoder alone.

`sequence/reverse` is the same for an encoder and a decoder.
"""

import math
from typing import Annotated, ClassVar, Literal

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.tasks import base, questions, ragged, worded


class Task(worded.Worded):
    """`length` symbols, drawn one by one, are read after a verb.

    variant: what is said, by the paper's names: mc (the symbols from the last to the first), mc2x (that twice, and
      'next' in between), mcrv (that, 'next', and the symbols as they were read).
    symbols: there are so many.
    """

    shortest: ClassVar[int] = 2

    variant: Literal['mc', 'mc2x', 'mcrv'] = base.option('mc')
    symbols: Annotated[int, Range(min=2, max=572)] = base.option(100)

    @property
    def words(self) -> tuple[str, ...]:
        """The symbols, the verb, and what stands between two answers."""
        return *worded.symbols(self.symbols), 'reverse', 'next'

    def parts(self, length: int) -> tuple[worded.Parts, worded.Parts]:
        """The verb and the symbols; the symbols once or twice."""
        symbols, twice = worded.symbols(self.symbols), int(self.variant != 'mc')
        return [(1, ['reverse']), (length, symbols)], [(length * (1 + twice), symbols), (twice, ['next'])]

    def worded(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Symbols, and the same from the last one on."""
        symbols_S = jax.random.randint(key, (room,), 0, self.symbols)
        reversed_S = symbols_S[jnp.maximum(length - 1 - jnp.arange(room), 0)]
        again = dict(mc=[], mc2x=[(reversed_S, length)], mcrv=[(symbols_S, length)])[self.variant]
        then = [self.numbers('next'), *again] if again else []
        question_room, answer_room = self.word_rooms(room)
        return questions.Asked(
            *ragged.joined(question_room, self.numbers('reverse'), (symbols_S, length)),
            *ragged.joined(answer_room, (reversed_S, length), *then),
        )

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Exact where each symbol is a token: any one at each place. Otherwise counted."""
        if not self.one_token_each(worded.symbols(self.symbols)):
            return super().chance(split, length)
        self.check(length)
        twice, right = int(self.variant != 'mc'), 1 / self.symbols
        return worded.known(right**length, ((1 + twice) * length, right, math.log(self.symbols)), (1 + twice, 1, 0))
