"""What a variable holds when a program ends that mostly does nothing: set it to zero, or count up, now and then.

The counting task of Golovneva et al. 2024 (arXiv 2405.18719, table 3), after the authors' generator
(facebookresearch/RAM, projects/cope/scripts/count_data_gen.py). A step is `a = 0 ;`, `pass;` or `a ++;`, with weights
of 1, 50 and 7, drawn again where there is no variable to count or it would come to more than 10. The question is the
program and `print a`, of any variable that there is; the answer is its value. Tokens are the paper's words.

The paper draws 3 to 512 steps and cuts what is longer than 512 tokens on the left, which may take a `=` that is
needed; here nothing is cut, and a program of n steps has at most 1.3 n + 24 tokens, many standard deviations more than
there are: what does not fit is drawn again too.
"""

from typing import Annotated

import jax
import jax.numpy as jnp
import numpy as np

from posbench.knobs import Range
from posbench.tasks import base, questions

SET, PASS, COUNT = 0, 1, 2
WEIGHTS = (1, 50, 7)
WIDTHS = (4, 1, 2)
LARGEST = 10
WORDS = ('=', ';', 'pass;', '++;', 'print')
NONE = -1


class Task(questions.Said):
    """`length` is the steps of the program; a row of training has 3 of them or more.

    variables: names that there are, 1, 3 or 5 in the paper.
    """

    says_end = False
    shortest = 3

    variables: Annotated[int, Range(min=1, max=26)] = base.option(1)

    @property
    def alphabet(self) -> int:
        """The names, the values 0 to 10, and five words."""
        return self.variables + LARGEST + 1 + len(WORDS)

    def rooms(self, length: int) -> tuple[int, int]:
        """A program and what is printed; a value."""
        return min(4 * length, 13 * length // 10 + 24) + 2, 1

    def drawn_length(self, key: jax.Array, length: int) -> jax.Array:
        """Evenly, of programs that set a variable: the paper draws those that do not again, with another length."""
        steps_N = np.arange(self.shortest, length + 1)
        return self.shortest + jax.random.categorical(key, np.log(_sets(steps_N)).astype(np.float32))

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """A program, a name, and what it holds."""
        first_key, step_key, print_key = jax.random.split(key, 3)
        operation_R, variable_R, values_V = self._run(first_key, step_key, room, length)
        printed = _any(values_V >= 0, jax.random.uniform(print_key))
        prompt_P, size = self._words(operation_R, variable_R, self.rooms(room)[0])
        prompt_P = prompt_P.at[size].set(self._word('print')).at[size + 1].set(printed)
        return questions.Asked(prompt_P, size + 2, self._value(values_V[printed])[None], 1)

    def _run(self, first_key, step_key, room: int, length) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Operations and their variables [R], NONE after the last step, and the values at the end, -1 of no value."""
        # The first step that sets a variable, of those of a program that has one.
        ratio = WEIGHTS[PASS] / (WEIGHTS[PASS] + WEIGHTS[SET])
        drawn = jax.random.uniform(first_key) * _sets(length)
        first = jnp.clip(jnp.log1p(-drawn) / np.log(ratio), 0, length - 1).astype(jnp.int32)

        def step(state, given):
            values_V, spare = state
            index, (which, of_them) = given
            counts_V = (values_V >= 0) & (values_V < LARGEST)
            share = counts_V.sum() / jnp.maximum((values_V >= 0).sum(), 1)
            # Tokens that are left over when all later steps do nothing.
            weights_O = jnp.stack([
                jnp.where(spare >= WIDTHS[SET] - 1, WEIGHTS[SET], 0),
                jnp.asarray(WEIGHTS[PASS]),
                jnp.where(spare >= WIDTHS[COUNT] - 1, WEIGHTS[COUNT] * share, 0),
            ])  # fmt: skip
            operation = (which * weights_O.sum() >= jnp.cumsum(weights_O)[:-1]).sum()
            operation = jnp.where(index > first, operation, jnp.where(index == first, SET, PASS))
            operation = jnp.where(index < length, operation, NONE)
            variable = _any(jnp.where(operation == SET, True, counts_V), of_them)
            value = jnp.where(operation == SET, 0, values_V[variable] + (operation == COUNT))
            spare -= jnp.asarray(WIDTHS)[operation] - 1
            return (values_V.at[variable].set(value), spare), (operation, variable)

        start = jnp.full(self.variables, NONE), jnp.minimum(3 * length, 3 * length // 10 + 24)
        steps = jnp.arange(room), jax.random.uniform(step_key, (room, 2))
        (values_V, _), (operation_R, variable_R) = jax.lax.scan(step, start, steps)
        return operation_R, variable_R, values_V

    def _words(self, operation_R, variable_R, places: int) -> tuple[jax.Array, jax.Array]:
        """The program as tokens [P], and how many there are."""
        width_R = jnp.where(operation_R == NONE, 0, jnp.asarray(WIDTHS)[operation_R])
        stop_R = jnp.cumsum(width_R)
        place_P = jnp.arange(places)
        step_P = jnp.minimum(jnp.searchsorted(stop_R, place_P, side='right'), len(stop_R) - 1)
        offset_P = place_P - (stop_R - width_R)[step_P]
        # By operation and place in it; NONE stands for the variable.
        setting = NONE, self._word('='), self._value(0), self._word(';')
        doing_nothing, counting = (self._word('pass;'), 0, 0, 0), (NONE, self._word('++;'), 0, 0)
        word_P = jnp.asarray([setting, doing_nothing, counting])[operation_R[step_P], offset_P % 4]
        return jnp.where(word_P == NONE, variable_R[step_P], word_P), stop_R[-1]

    def _value(self, value):
        return self.variables + value

    def _word(self, word: str) -> int:
        return self.variables + LARGEST + 1 + WORDS.index(word)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Exact for one variable, whose value is a Markov chain; otherwise counted on 8,192 questions."""
        if self.variables > 1:
            return super().chance(split, length)
        self.check(length)
        p_N = np.eye(LARGEST + 2)[0]  # of no value, and of 0 to 10
        for _ in range(length):
            p_N = p_N @ _chain()
        p_N = p_N[1:] / p_N[1:].sum()
        nats = -float((p_N * np.log(np.maximum(p_N, 1e-300))).sum())
        return dict(exact_match=float(p_N.max()), token_accuracy=float(p_N.max()), loss=nats)

    def symbol(self, token: int) -> str:
        """As the paper writes it."""
        if token < self.variables:
            return chr(ord('a') + token)
        value = token - self.variables
        return str(value) if value <= LARGEST else WORDS[value - LARGEST - 1]


def _sets(steps):
    """How often a program of so many steps sets a variable at all."""
    return 1 - (WEIGHTS[PASS] / (WEIGHTS[PASS] + WEIGHTS[SET])) ** steps


def _any(allowed_V: jax.Array, drawn: jax.Array) -> jax.Array:
    """One of those that are allowed, each as often as any other; `drawn` is from 0 to 1."""
    count = allowed_V.sum()
    chosen = jnp.minimum((drawn * count).astype(jnp.int32), count - 1)
    return jnp.argmax(allowed_V & (jnp.cumsum(allowed_V) - 1 == chosen))


def _chain() -> np.ndarray:
    """Probabilities of one step of a program with one variable, from a value (row) to another; the first is none."""
    to_NN = np.zeros((LARGEST + 2, LARGEST + 2))
    for state in range(LARGEST + 2):
        counts = WEIGHTS[COUNT] * (0 < state <= LARGEST)
        total = WEIGHTS[SET] + WEIGHTS[PASS] + counts
        to_NN[state, 1] += WEIGHTS[SET] / total
        to_NN[state, state] += WEIGHTS[PASS] / total
        if counts:
            to_NN[state, state + 1] += counts / total
    return to_NN
