"""Copy what is no blank, in its order, however many blanks stand in between.

The selective copy of Golovneva et al. 2024 (arXiv 2405.18719, table 2), which the authors have not released. That the
share of blanks changes between training and the tests called dense (fewer) and sparse (more) is the paper's; from
memory are the alphabet of 16, as many blanks as others in training (256), half as many (dense) and twice as many
(sparse). Blanks and others stand in any order, all orders being as likely.
"""

import math
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp

from posbench.knobs import Range
from posbench.tasks import base, questions

# Protocol -> blanks, in units of those of training.
TIMES = {'in_distribution': 1.0, 'dense': 0.5, 'sparse': 2.0}


class Task(questions.Said):
    """`length` symbols are to be copied, in training too: the number of blanks follows from it.

    symbols: of the alphabet, without the blank.
    blanks: for each symbol that is to be copied, in training.
    """

    protocols: ClassVar[dict[str, str]] = {
        'in_distribution': 'answers to sequences with as many blanks as in training',
        'dense': 'answers to sequences with half as many blanks',
        'sparse': 'answers to sequences with twice as many blanks',
    }
    labels: ClassVar[dict[str, str]] = {'in_distribution': 'as in training'}
    guess: ClassVar[str] = 'any symbol at each place of an answer of known length'
    says_end: ClassVar[bool] = False

    symbols: Annotated[int, Range(min=2)] = base.option(16)
    blanks: Annotated[float, Range(min=0)] = base.option(1.0)
    # Of a protocol, in units of `blanks`.
    times: float = base.constant(1.0)

    @property
    def alphabet(self) -> int:
        """The symbols and the blank, which is the last."""
        return self.symbols + 1

    def rooms(self, length: int) -> tuple[int, int]:
        """Of the protocol with the most blanks."""
        return length + math.floor(max(TIMES.values()) * self.blanks * length), length

    def drawn_length(self, key: jax.Array, length: int) -> jax.Array:
        """Always `length`, as in the paper."""
        return jnp.asarray(length)

    def of_protocol(self, protocol: str) -> 'Task':
        """With so many blanks."""
        return self.replace(times=TIMES[protocol])

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """Symbols among blanks, and the symbols."""
        order_key, symbol_key = jax.random.split(key)
        places, answers = self.rooms(room)
        size = length + jnp.floor(self.times * self.blanks * length).astype(jnp.int32)
        place_P = jnp.arange(places)
        drawn_P = jnp.where(place_P < size, jax.random.uniform(order_key, (places,)), 2.0)
        # Those with the smallest numbers are symbols; the second sort gives each its rank.
        copied_P = jnp.argsort(jnp.argsort(drawn_P)) < length
        symbols_P = jax.random.randint(symbol_key, (places,), 0, self.symbols)
        answer_A = symbols_P[jnp.argsort(~copied_P, stable=True)[:answers]]
        return questions.Asked(jnp.where(copied_P, symbols_P, self.symbols), size, answer_A, length)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Exact: every symbol of an answer is as likely as any other."""
        self.check(length)
        right = 1 / self.symbols
        return dict(exact_match=right**length, token_accuracy=right, loss=math.log(self.symbols))

    def symbol(self, token: int) -> str:
        """Numbers, and a dot in the middle for the blank."""
        return '·' if token == self.symbols else str(token)
