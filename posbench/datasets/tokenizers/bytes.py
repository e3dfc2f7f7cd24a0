"""The bytes of UTF-8 as tokens."""

from collections.abc import Iterable

import numpy as np

from posbench.datasets.tokenizers import base, byte_level


class Bytes(base.Tokenizer):
    """The 256 bytes of UTF-8."""

    def __init__(self):
        self.vocabulary, self.end_of_document = 257, 256
        self.characters_V = np.append(byte_level.starts_of_bytes(), np.int32(0))

    @classmethod
    def train(cls, documents: Iterable[str], vocabulary: int) -> 'Bytes':
        return cls()

    def encode(self, text: str) -> np.ndarray:
        return np.frombuffer(text.encode('utf-8'), np.uint8).astype(np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        return bytes(i for i in base.as_list(ids) if i != self.end_of_document).decode('utf-8', errors='replace')

    def to_json(self) -> str:
        return '{}'

    @classmethod
    def from_json(cls, stored: str) -> 'Bytes':
        return cls()
