"""Words as a tagged corpus cuts them, as ids: those of a list, one for every other word, and the end of a sentence."""

import functools
import json
from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np

UNKNOWN = '<unk>'
# What stands before or after a word without being a part of it, and what the corpus writes for it.
BEFORE = {'"': '``', '“': '``', '‘': '`', '(': '(', '[': '(', '{': '('}
AFTER = {'"': "''", '”': "''", ')': ')', ']': ')', '}': ')'} | {mark: mark for mark in ".,;:!?'…"}
DASHES = ('—', '–', '--')


class WordList:
    """V ids: the words in their order, the unknown one (V-2), the end of a sentence (V-1).

    `lowercase` makes a word so before it is looked up. `characters_V` (float32) counts a word with the space after it;
    an unknown one with their mean.
    """

    before: ClassVar = ()
    after: ClassVar = ()

    def __init__(self, words: Sequence[str], lowercase: bool):
        self.words, self.lowercase = list(words), lowercase
        self.unknown, self.end_of_document, self.vocabulary = len(words), len(words) + 1, len(words) + 2
        lengths = [len(word) + 1 for word in words]
        self.characters_V = np.array([*lengths, np.mean(lengths), 0], np.float32)

    @functools.cached_property
    def index(self) -> dict[str, int]:
        """The id of every word of the list."""
        return {word: i for i, word in enumerate(self.words)}

    @property
    def spelled(self) -> list[str]:
        """The text of every id."""
        return [*self.words, UNKNOWN, '']

    def ids(self, words: Iterable[str]) -> list[int]:
        """The ids of words that are cut already."""
        return [self.index.get(word.lower() if self.lowercase else word, self.unknown) for word in words]

    def segment(self, text: str) -> list[str]:
        """The words of a text as the corpus cuts them, as they are looked up.

        It is cut at white space and dashes; marks before and after a word are words of their own, unless the list has
        the word with them (Mr., U.S.). Hyphens and apostrophes inside a word stay.
        """
        text = text.replace('’', "'").lower() if self.lowercase else text.replace('’', "'")
        for dash in DASHES:
            text = text.replace(dash, ' -- ')
        return [word for piece in text.split() for word in self._cut(piece)]

    def _cut(self, piece: str) -> list[str]:
        first, last = [], []
        while len(piece) > 1 and piece not in self.index:
            if piece[0] in BEFORE:
                first.append(BEFORE[piece[0]])
                piece = piece[1:]
            elif piece[-1] in AFTER:
                last.append(AFTER[piece[-1]])
                piece = piece[:-1]
            else:
                break
        # A mark alone: one that opens where something follows it, else one that closes.
        return [*first, AFTER.get(piece, BEFORE.get(piece, piece)), *reversed(last)]

    def encode(self, text: str) -> np.ndarray:
        """Ids of the words of a text, int32 [N]."""
        return np.array(self.ids(self.segment(text)), np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        """Words with spaces between them; ends are left out."""
        spelled = self.spelled
        return ' '.join(spelled[i] for i in np.asarray(ids, np.int64).tolist() if i != self.end_of_document)

    def to_json(self) -> str:
        """All of it, as `from_json` reads it."""
        return json.dumps({'words': self.words, 'lowercase': self.lowercase})

    @classmethod
    def from_json(cls, stored: str) -> 'WordList':
        """What `to_json` wrote."""
        return cls(**json.loads(stored))
