"""Sort a list, of symbols or of numbers digit by digit. A task of Kazemnejad et al. 2023 (arXiv 2305.19466)."""

from typing import Annotated, Literal

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.tasks import base, questions, ragged, worded

LEAST, MOST = 10, 9999  # of numbers
LARGER = MOST + 1  # than all that is sorted, and the first of what stands between
MARKS = ':', '[', ']', 'so'


class Task(worded.Worded):
    """`length` things are read, 'sort c a b', and said in order.

    variant: single (symbols, in the order of their own) or multi (numbers from 10 to 9999, digits spaced and a comma
      after each, 'sort 7 1 2 , 4 5 ,').
    symbols: of the single variant, there are so many.
    scratchpad: a selection sort is said before: at each step the first thing that is left, the smallest, and those that
      are left when the two have changed places: 'c : a [ c b ] c : b [ c ] c : c [ ] so a b c'. These are the paper's
      input, output and remaining input, which is the state of this algorithm; its computation is always the same words.
    """

    variant: Literal['single', 'multi'] = base.option('single')
    symbols: Annotated[int, Range(min=2, max=572)] = base.option(50)
    scratchpad: bool = base.option(False)

    @property
    def words(self) -> tuple[str, ...]:
        """Symbols, or digits and a comma; the verb, and what stands between."""
        things = worded.symbols(self.symbols) if self.variant == 'single' else (*worded.DIGITS, ',')
        return *things, 'sort', *MARKS

    def parts(self, length: int) -> tuple[worded.Parts, worded.Parts]:
        """The verb and the list; the list."""
        words, size = (worded.symbols(self.symbols), 1) if self.variant == 'single' else ([','], 5)
        things = length * size, words
        left = length * (length - 1) // 2
        steps = [((2 * length + left) * size, words), (3 * length, [':']), (1, ['so'])] if self.scratchpad else []
        return [(1, ['sort']), things], [*steps, things]

    def worded(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """A list, and the same in order."""
        lowest, stop = (0, self.symbols) if self.variant == 'single' else (LEAST, MOST + 1)
        drawn_S = jax.random.randint(key, (room,), lowest, stop)
        list_S = jnp.where(jnp.arange(room) < length, drawn_S, LARGER)
        steps = [_selected(list_S, length), _mark('so')] if self.scratchpad else []
        things = ragged.joined(_things(room, bool(steps)), *steps, (jnp.sort(list_S), length))
        question_room, answer_room = self.word_rooms(room)
        return questions.Asked(
            *ragged.joined(question_room, self.numbers('sort'), self._spelled(question_room, (list_S, length))),
            *self._spelled(answer_room, things),
        )

    def _spelled(self, room: int, things: ragged.Sized) -> ragged.Sized:
        """Things and marks in words; after a number there is a comma."""
        things_P, size = things
        is_mark_P, mark_P = things_P >= LARGER, things_P - LARGER + len(self.words) - len(MARKS)
        if self.variant == 'single':
            return ragged.joined(room, (jnp.where(is_mark_P, mark_P, things_P), size))
        digits_P = 2 + (things_P >= 100) + (things_P >= 1000)
        column_K = jnp.arange(5)
        power_PK = 10 ** jnp.maximum(digits_P[:, None] - 1 - column_K[None], 0)
        digit_PK = things_P[:, None] // power_PK % 10
        word_PK = jnp.where(column_K[None] < digits_P[:, None], digit_PK, self.numbers(','))
        word_PK = jnp.where(is_mark_P[:, None], mark_P[:, None], word_PK)
        sizes_P = jnp.where(is_mark_P, 1, digits_P + 1)
        return ragged.flattened(room, word_PK, jnp.where(jnp.arange(len(things_P)) < size, sizes_P, 0))


def _mark(mark: str) -> jax.Array:
    return jnp.array([LARGER + MARKS.index(mark)])


def _things(length: int, scratchpad: bool) -> int:
    """Things and marks in the answer."""
    return length + (5 * length + length * (length - 1) // 2 + 1) * scratchpad


def _selected(list_S: jax.Array, length: jax.Array | int) -> ragged.Sized:
    """All steps of a selection sort."""
    room = len(list_S)
    place_S = jnp.arange(room)
    colon, opens, closes = (_mark(mark) for mark in (':', '[', ']'))

    def step(list_S, done):
        # The first of the smallest, as in the paper; what is past the list is larger than all of it.
        smallest = jnp.argmin(jnp.where(place_S >= done, list_S, LARGER))
        front, least = list_S[done], list_S[smallest]
        list_S = list_S.at[smallest].set(front).at[done].set(least)
        left = length - 1 - done
        left_S = list_S[jnp.minimum(done + 1 + place_S, room - 1)]
        things, size = ragged.joined(room + 4, front[None], colon, least[None], opens, (left_S, left), closes)
        return list_S, (things, jnp.where(done < length, size, 0))

    _, (things_SK, sizes_S) = jax.lax.scan(step, list_S, place_S)
    return ragged.flattened(_things(room, True), things_SK, sizes_S)
