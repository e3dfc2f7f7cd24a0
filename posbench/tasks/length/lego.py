"""LEGO: the sign of a variable that others are defined by one after the other (Zhang et al. 2022, arXiv 2206.04301).

Asked as by Kazemnejad et al. 2023 (arXiv 2305.19466), in sentences in order, and for one of the later variables.
"""

import math
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.tasks import base, questions, ragged, worded


class Task(worded.Worded):
    """`length` variables are defined, 'if c = +1 , b = - c , a = + b , value a', and a value is said, '-1'.

    Any variable after the middle may be asked for. The paper has 26 names, and so at most as many variables.

    names: of variables, there are so many, and no question is longer.
    scratchpad: values are said one by one before, up to the one that is asked for, 'c = +1 ; b = - +1 = -1 ; a = + -1 =
      -1 ; so -1'. These are the paper's input, computation and output; it has no variables here, and the remaining
      input is left out, since it is the end of the question.
    """

    shortest: ClassVar[int] = 2
    says_end: ClassVar[bool] = False

    names: Annotated[int, Range(min=2, max=572)] = base.option(52)
    scratchpad: bool = base.option(False)

    @property
    def words(self) -> tuple[str, ...]:
        """Names, values, and what stands between."""
        return *worded.symbols(self.names), '+1', '-1', '+', '-', '=', ',', 'if', 'value', ';', 'so'

    def check(self, length: int) -> None:
        """ValueError for one below 2, or more variables than names."""
        super().check(length)
        if length > self.names:
            raise ValueError(f'length: got {length} variables, wanted at most {self.names}, task.names.')

    def parts(self, length: int) -> tuple[worded.Parts, worded.Parts]:
        """Sentences, of which the first has no other variable, and the one that is asked for; a value."""
        names = worded.symbols(self.names)
        question = [(1, ['if']), (2 * length, names), (3 * length - 1, ['=']), (1, ['+1']), (1, ['value'])]
        steps = [(length, names), (2 * length - 1, ['+1']), (4 * length - 2, ['=']), (1, ['so'])]
        return question, [*(steps if self.scratchpad else []), (1, ['+1'])]

    def worded(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Values are coins, and so is whether a sentence has a minus."""
        name_key, value_key, query_key = jax.random.split(key, 3)
        place_S = jnp.arange(room)
        order_N = jnp.argsort(jax.random.uniform(name_key, (self.names,)))
        name_S = order_N[jnp.minimum(place_S, self.names - 1)]
        up, down, plus, minus, equals, comma = self.numbers('+1', '-1', '+', '-', '=', ',')
        is_up_S = jax.random.bernoulli(value_key, shape=(room,))
        before_S = jnp.roll(is_up_S, 1)
        value_S, value_before_S = (jnp.where(x_S, up, down) for x_S in (is_up_S, before_S))
        sign_S = jnp.where(is_up_S == before_S, plus, minus)
        clauses = _sentences(
            ragged.columns(name_S, equals, value_S, comma),
            ragged.columns(name_S, equals, sign_S, jnp.roll(name_S, 1), comma),
            length,
        )
        query = jax.random.randint(query_key, (), (length + 1) // 2, length)
        ends = self.numbers(';')[0]
        steps = _sentences(
            ragged.columns(name_S, equals, value_S, ends),
            ragged.columns(name_S, equals, sign_S, value_before_S, equals, value_S, ends),
            query + 1,
        )
        steps = [steps, self.numbers('so')] if self.scratchpad else []
        question_room, answer_room = self.word_rooms(room)
        return questions.Asked(
            *ragged.joined(question_room, self.numbers('if'), clauses, self.numbers('value'), name_S[query][None]),
            *ragged.joined(answer_room, *steps, value_S[query][None]),
        )

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Exact where an answer is one token, a coin toss; otherwise counted."""
        if self.scratchpad or self.spelling == 'characters':
            return super().chance(split, length)
        self.check(length)
        return worded.known(0.5, (1, 0.5, math.log(2)))


def _sentences(first_SK: jax.Array, others_SJ: jax.Array, count: jax.Array | int) -> ragged.Sized:
    """The first row of the one, and others of the other."""
    place_S = jnp.arange(len(first_SK))
    more = others_SJ.shape[1] - first_SK.shape[1]
    first_SJ = jnp.pad(first_SK, ((0, 0), (0, more)))
    rows_SJ = jnp.where(place_S[:, None] == 0, first_SJ, others_SJ)
    sizes_S = jnp.where(place_S == 0, first_SK.shape[1], others_SJ.shape[1])
    return ragged.flattened(rows_SJ.size, rows_SJ, jnp.where(place_S < count, sizes_S, 0))
