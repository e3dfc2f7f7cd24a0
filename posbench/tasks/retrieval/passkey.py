"""What was the pass key, that a long and empty text mentions once?

Mohtashami and Jaggi 2023 (arXiv 2305.16300), whose prompt Chen et al. 2023 (arXiv 2306.15595, section 3.4) take to
measure how far back a model reads: what it is about, the same few sentences over and over, the key, the same sentences
again from the first one on, and the question. Here tokens are its words and the five digits of the key, of which each
is any from 0 to 9, the first one too. The key stands anywhere; a page shows how often it is found by where it stands.
"""

import math
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from posbench.knobs import Range
from posbench.tasks import base, questions
from posbench.tasks.retrieval import depth

ABOUT = (
    'There is an important info hidden inside a lot of irrelevant text. Find it and memorize them. '
    'I will quiz you about the important information there.'
)
EMPTY = 'The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.'
# The key stands between the first two of these, and between the last two.
BEFORE, BETWEEN, BEHIND = 'The pass key is', '. Remember it.', 'is the pass key.'
QUESTION = 'What is the pass key? The pass key is'
WORDS = [*'0123456789', *dict.fromkeys(' '.join([ABOUT, EMPTY, BEFORE, BETWEEN, BEHIND, QUESTION]).split())]


def ids(text: str) -> np.ndarray:
    """The tokens of words that stand in the prompt."""
    return np.array([WORDS.index(word) for word in text.split()])


class Task(depth.Hidden):
    """`length` is the tokens that are read, the question included.

    digits: of the key.
    """

    guess: ClassVar[str] = 'any digit at each place'
    says_end: ClassVar[bool] = False

    digits: Annotated[int, Range(min=1)] = base.option(5)

    @property
    def shortest(self) -> int:
        """Without anything empty."""
        return len(' '.join([ABOUT, BEFORE, BETWEEN, BEHIND, QUESTION]).split()) + 2 * self.digits

    @property
    def alphabet(self) -> int:
        """Digits and words."""
        return len(WORDS)

    @property
    def spelled(self) -> list[str]:
        """Digits and words, and no text for what frames them."""
        return [*WORDS, '', '', '']

    def rooms(self, length: int) -> tuple[int, int]:
        """All that is read; the key."""
        return length, self.digits

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """The text and the question, and the key."""
        place_key, digit_key = jax.random.split(key)
        digits_A = jax.random.randint(digit_key, (self.digits,), 0, 10)
        about, empty, question = ids(ABOUT), ids(EMPTY), ids(QUESTION)
        info_I = jnp.concatenate([ids(BEFORE), digits_A, ids(BETWEEN), digits_A, ids(BEHIND)])
        # Where the sentence with the key begins.
        start = len(about) + jax.random.randint(place_key, (), 0, length - self.shortest + 1)
        stop, end = start + len(info_I), length - len(question)
        place_P = jnp.arange(room)

        def part(tokens, since):
            return jnp.asarray(tokens)[(place_P - since) % len(tokens)]

        prompt_P = jnp.select(
            [place_P < len(about), place_P < start, place_P < stop, place_P < end],
            [part(about, 0), part(empty, len(about)), part(info_I, start), part(empty, stop)],
            part(question, end),
        )
        return questions.Asked(prompt_P, length, digits_A, self.digits)

    def found(self, inputs_L: jax.Array) -> jax.Array:
        """Where the key stands first."""
        return jnp.argmax(inputs_L < 10)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Exact: all digits are alike."""
        self.check(length)
        return dict(exact_match=0.1**self.digits, token_accuracy=0.1, loss=math.log(10))

    def symbol(self, token: int) -> str:
        """The word."""
        return WORDS[token]
