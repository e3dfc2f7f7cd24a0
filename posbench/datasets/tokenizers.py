"""Text to token ids and back: bytes, characters, or byte-level BPE. All of them end with the id that ends a document.

`characters_V` says how many characters each token stands for, so that a loss per token can be told per character,
which is the same unit for every tokenizer.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from posbench.datasets.sources import DatasetError
from posbench.knobs import kinds

# A BPE vocabulary is learned from at most so many characters from the start of train.
BPE_CHARACTERS = 20_000_000


class Tokenizer(Protocol):
    vocabulary: int  # V, with the end of a document
    end_of_document: int  # V-1, always the last
    characters_V: np.ndarray  # int32; over the tokens of a text this sums to the length of the text

    def encode(self, text: str) -> np.ndarray:
        """Token ids, int32 [N], without an end of document."""

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids; ends of documents are left out, what is no text becomes U+FFFD."""

    def to_json(self) -> str: ...


class Bytes:
    """The 256 bytes of UTF-8."""

    def __init__(self):
        self.vocabulary, self.end_of_document = 257, 256
        self.characters_V = np.array([_starts(bytes([byte])) for byte in range(256)] + [0], np.int32)

    @classmethod
    def train(cls, documents: Iterable[str], vocabulary: int) -> 'Bytes':
        return cls()

    def encode(self, text: str) -> np.ndarray:
        return np.frombuffer(text.encode('utf-8'), np.uint8).astype(np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        return bytes(i for i in _list(ids) if i != self.end_of_document).decode('utf-8', errors='replace')

    def to_json(self) -> str:
        return '{}'

    @classmethod
    def from_json(cls, stored: str) -> 'Bytes':
        return cls()


class Characters:
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
        return ''.join(characters[i] for i in _list(ids) if i != self.end_of_document)

    def to_json(self) -> str:
        return json.dumps({'alphabet': self.alphabet})

    @classmethod
    def from_json(cls, stored: str) -> 'Characters':
        return cls(json.loads(stored)['alphabet'])


class BPE:
    """Byte-level byte pair encoding (Sennrich et al. 2016, arXiv 1508.07909; bytes as in GPT-2, Radford et al. 2019).

    The 256 bytes, merges of them learned from the training text, and the end of a document: V ids in all, fewer if
    the text has nothing more to merge. Every text can be written in them, and comes back as it was.
    """

    def __init__(self, model):
        self._model = model
        self.end_of_document = model.get_vocab_size()
        self.vocabulary = self.end_of_document + 1
        # Tokens are spelled in an alphabet of 256 printable characters, one for each byte (GPT-2's table).
        starts = {character: _starts(bytes([byte])) for byte, character in _printable_bytes().items()}
        self.characters_V = np.zeros(self.vocabulary, np.int32)
        for token, i in model.get_vocab().items():
            self.characters_V[i] = sum(starts[character] for character in token)

    @classmethod
    def train(cls, documents: Iterable[str], vocabulary: int) -> 'BPE':
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        if vocabulary < 257:
            raise DatasetError(f'A BPE vocabulary of {vocabulary} is too small; wanted 257 (256 bytes, end) or more.')
        model = Tokenizer(models.BPE())
        model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        model.decoder = decoders.ByteLevel()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        trainer = trainers.BpeTrainer(vocab_size=vocabulary - 1, initial_alphabet=alphabet, show_progress=False)
        model.train_from_iterator(first(documents, BPE_CHARACTERS), trainer)
        return cls(model)

    def encode(self, text: str) -> np.ndarray:
        return np.array(self._model.encode(text).ids, np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        return self._model.decode([i for i in _list(ids) if i != self.end_of_document], skip_special_tokens=False)

    def to_json(self) -> str:
        return self._model.to_str()

    @classmethod
    def from_json(cls, stored: str) -> 'BPE':
        from tokenizers import Tokenizer

        return cls(Tokenizer.from_str(stored))


KINDS = {'bytes': Bytes, 'characters': Characters, 'bpe': BPE}


def kind(name: str) -> type[Bytes] | type[Characters] | type[BPE]:
    """The class of a tokenizer's name. Raises DatasetError if there is none."""
    if name not in KINDS:
        near = kinds.nearest(str(name), KINDS)
        raise DatasetError(
            f'Unknown tokenizer {name!r}' + (f'; did you mean {near!r}?' if near else '.') + f' There are {[*KINDS]}.'
        )
    return KINDS[name]


def settings(name: str, vocabulary: int) -> dict[str, str | int]:
    """All that decides what the tokenizer becomes, besides the text it is trained on."""
    kind(name)
    if name != 'bpe':
        return {'tokenizer': name}
    import tokenizers

    return {'tokenizer': name, 'vocabulary': vocabulary, 'library': tokenizers.__version__}


def first(documents: Iterable[str], characters: int) -> Iterator[str]:
    """The documents until there are so many characters; the last one is cut there."""
    for document in documents:
        yield document[:characters]
        characters -= len(document)
        if characters <= 0:
            return


def _starts(data: bytes) -> int:
    """Characters that begin in these bytes of UTF-8: those that are not 0b10xxxxxx."""
    return sum(byte & 0xC0 != 0x80 for byte in data)


def _printable_bytes() -> dict[int, str]:
    plain = [*range(ord('!'), ord('~') + 1), *range(ord('¡'), ord('¬') + 1), *range(ord('®'), ord('ÿ') + 1)]
    others = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {byte: chr(256 + i) for i, byte in enumerate(others)}


def _list(ids: Iterable[int]) -> list[int]:
    return np.asarray(ids, np.int64).tolist()
