"""Copy symbols, in the five ways of Kazemnejad et al. 2023 (arXiv 2305.19466): one that is repeated, or all of them.

The paper draws repeated symbols from some thousands of tokens, and here from as many as the copied ones.
"""

import math
from typing import Annotated, ClassVar, Literal

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.tasks import base, questions, ragged, worded


class Task(worded.Worded):
    """`length` symbols are read after a verb.

    variant: what is said, by the paper's names,
      rsc: one symbol that is repeated is said as often, which is to count;
      rdc: another symbol, that the question names, is said as often, 'replace x with y in x x x';
      cmc: symbols drawn one by one are said again;
      rsc2x: the repeated symbol is said twice as often;
      cmc2x: the symbols are said twice, and 'next' in between.
    symbols: there are so many; of rsc and rsc2x there are no more questions of a length, which in training and held
      out are then the same.
    """

    shortest: ClassVar[int] = 2

    variant: Literal['rsc', 'rdc', 'cmc', 'rsc2x', 'cmc2x'] = base.option('cmc')
    symbols: Annotated[int, Range(min=2, max=572)] = base.option(100)

    @property
    def words(self) -> tuple[str, ...]:
        """The symbols, the verbs and what goes with them."""
        return *worded.symbols(self.symbols), 'copy', 'replace', 'with', 'in', 'next'

    def parts(self, length: int) -> tuple[worded.Parts, worded.Parts]:
        """A verb and the symbols; the symbols once or twice."""
        symbols = worded.symbols(self.symbols)
        verb = (
            [(1, ['replace']), (1, ['with']), (1, ['in']), (2, symbols)] if self.variant == 'rdc' else [(1, ['copy'])]
        )
        answer = [(length * self._times, symbols), (int(self.variant == 'cmc2x'), ['next'])]
        return (*verb, (length, symbols)), answer

    @property
    def _times(self) -> int:
        return 2 if self.variant.endswith('2x') else 1

    def worded(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Symbols that are all drawn, or all the same, and what to do with them."""
        symbol_key, other_key = jax.random.split(key)
        symbols_S = jax.random.randint(symbol_key, (room,), 0, self.symbols)
        verb = self.numbers('copy')
        if self.variant.startswith('r'):
            symbols_S = jnp.full_like(symbols_S, symbols_S[0])
        said_S = symbols_S
        if self.variant == 'rdc':
            other = (symbols_S[0] + jax.random.randint(other_key, (), 1, self.symbols)) % self.symbols
            said_S = jnp.full_like(symbols_S, other)
            replace, with_, in_ = self.numbers('replace', 'with', 'in')
            verb = jnp.stack([replace, symbols_S[0], with_, other, in_])
        then = [self.numbers('next')] if self.variant == 'cmc2x' else []
        again = [*then, (said_S, length)] if self._times == 2 else []
        question_room, answer_room = self.word_rooms(room)
        return questions.Asked(
            *ragged.joined(question_room, verb, (symbols_S, length)),
            *ragged.joined(answer_room, (said_S, length), *again),
        )

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Exact, of one who knows how many symbols are said, where each is a token; otherwise counted."""
        if not self.one_token_each(worded.symbols(self.symbols)):
            return super().chance(split, length)
        self.check(length)
        right = 1 / self.symbols
        exact = right if self.variant.startswith('r') else right**length
        sure = 1 + int(self.variant == 'cmc2x')
        return worded.known(exact, (self._times * length, right, math.log(self.symbols)), (sure, 1, 0))
