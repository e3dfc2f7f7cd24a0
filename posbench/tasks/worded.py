"""Questions and answers in words: a token each, or spelled out, a token a character.

Spelled out, a word of one character stands for itself and a longer one ends with a space, so that what was spelled can
be read again: `copy abA0 ` is the words copy, a, b, A0.
"""

import functools
import math
from collections.abc import Sequence
from typing import Literal

import jax
import numpy as np

from posbench.tasks import base, questions, ragged

# How many words there are at the most, and which.
Parts = Sequence[tuple[int, Sequence[str]]]

LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
DIGITS = tuple('0123456789')
# Of `symbols`.
MOST_SYMBOLS = len(LETTERS) * (1 + len(DIGITS))


class Worded(questions.Said):
    """Base of tasks whose questions and answers are words; a subclass gives `words`, `parts` and `worded`.

    spelling: words (a token each) or characters (those of each word, and a space after one of several).
    """

    spelling: Literal['words', 'characters'] = base.option('words')

    @property
    def words(self) -> tuple[str, ...]:
        """All of them; a word's number is its place."""
        raise NotImplementedError

    def parts(self, length: int) -> tuple[Parts, Parts]:
        """What the longest question of any length up to this one is made of, and what the longest answer."""
        raise NotImplementedError

    def worded(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """As `asked`, in numbers of words, in arrays of the sizes `word_rooms(room)`."""
        raise NotImplementedError

    def numbers(self, *words: str) -> np.ndarray:
        """The numbers of these words."""
        return np.array([self.words.index(word) for word in words], np.int32)

    def word_rooms(self, length: int) -> tuple[int, int]:
        """The most words of a question, and of an answer."""
        question, answer = self.parts(length)
        return sum(count for count, _ in question), sum(count for count, _ in answer)

    def rooms(self, length: int) -> tuple[int, int]:
        """The same in tokens."""
        if self.spelling == 'words':
            return self.word_rooms(length)
        question, answer = self.parts(length)
        return _characters(question), _characters(answer)

    @property
    def alphabet(self) -> int:
        """Words or characters."""
        return len(self.words if self.spelling == 'words' else _table(self.words)[0])

    def asked(self, key: jax.Array, room: int, length: jax.Array | int) -> questions.Asked:
        """What `worded` gives, spelled out if that is asked for."""
        asked = self.worded(key, room, length)
        if self.spelling == 'words':
            return asked
        _, *spelling = _table(self.words)
        question_room, answer_room = self.rooms(room)
        prompt_P, size = ragged.spelled(question_room, (asked.prompt_P, asked.size), *spelling)
        answer_A, said = ragged.spelled(answer_room, (asked.answer_A, asked.said), *spelling)
        return questions.Asked(prompt_P, size, answer_A, said)

    def symbol(self, token: int) -> str:
        """The word or character; a space is one."""
        return (self.words if self.spelling == 'words' else _table(self.words)[0])[token]

    def letter(self, token: int) -> str:
        """As it is, but for a space."""
        return super().letter(token).replace(' ', '␣')

    def one_token_each(self, words: Sequence[str]) -> bool:
        """Whether each of these words is one token."""
        return self.spelling == 'words' or all(len(word) == 1 for word in words)


def symbols(count: int) -> tuple[str, ...]:
    """Different words without a meaning: letters, of which there are 52, then letters with a digit."""
    longer = (letter + digit for digit in DIGITS for letter in LETTERS)
    return tuple([*LETTERS, *longer][:count])


def known(exact_match: float, *places: tuple[int, float, float]) -> dict[str, float]:
    """Metrics of a predictor that knows places alone, from what is known of them.

    Args:
      exact_match: how often it says a whole answer.
      places: (how many, how often it is right there, nats) of places of an answer, of all together.
    """
    count = sum(number for number, _, _ in places)
    return dict(
        exact_match=exact_match,
        token_accuracy=sum(number * right for number, right, _ in places) / count,
        loss=sum(number * nats for number, _, nats in places) / count,
    )


def nats(shares: Sequence[float]) -> float:
    """The entropy of what has these shares."""
    return -sum(share * math.log(share) for share in shares if share > 0)


def _spelled(word: str) -> str:
    return word if len(word) == 1 else f'{word} '


def _characters(parts: Parts) -> int:
    return sum(count * max(len(_spelled(word)) for word in words) for count, words in parts)


@functools.lru_cache(maxsize=64)
def _table(words: tuple[str, ...]) -> tuple[str, np.ndarray, np.ndarray]:
    """The characters in order, and for each word the numbers of its own, filled up with 0, and how many they are."""
    spelled = [_spelled(word) for word in words]
    characters = ''.join(sorted(set(''.join(spelled))))
    sizes_W = np.array([len(word) for word in spelled], np.int32)
    spelled_WC = np.zeros((len(words), sizes_W.max()), np.int32)
    for row, word in enumerate(spelled):
        spelled_WC[row, : len(word)] = [characters.index(character) for character in word]
    return characters, spelled_WC, sizes_W
