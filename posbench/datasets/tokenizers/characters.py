"""Characters as tokens."""

import json
from collections.abc import Iterable

import numpy as np

from posbench.datasets.tokenizers import base


class Characters(base.Tokenizer):
    """The characters of the training text, in Unicode order, and one id for every other character."""

    def __init__(self, alphabet: str):
        self.alphabet, self.unknown = alphabet, len(alphabet)
        self.vocabulary, self.end_of_document = len(alphabet) + 2, len(alphabet) + 1
        self.characters_V = np.array([1] * len(alphabet) + [1, 0], np.int32)
        self._codes = np.array([ord(character) for character in alphabet], np.uint32)

    @classmethod
    def train(cls, documents: Iterable[str], vocabulary: int) -> 'Characters':
        seen = set()
        for document in documents:
            seen.update(document)
        return cls(''.join(sorted(seen)))

    def encode(self, text: str) -> np.ndarray:
        codes_N = np.frombuffer(text.encode('utf-32-le'), '<u4')
        at_N = np.minimum(np.searchsorted(self._codes, codes_N), self.unknown - 1)
        return np.where(self._codes[at_N] == codes_N, at_N, self.unknown).astype(np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        characters = self.alphabet + '\N{REPLACEMENT CHARACTER}'
        return ''.join(characters[i] for i in base.as_list(ids) if i != self.end_of_document)

    def to_json(self) -> str:
        return json.dumps({'alphabet': self.alphabet})

    @classmethod
    def from_json(cls, stored: str) -> 'Characters':
        return cls(json.loads(stored)['alphabet'])
