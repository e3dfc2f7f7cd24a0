"""Words in bytes, out of which byte pair encoding and unigram pieces are made: every text can be written in them."""

from collections.abc import Iterable

import numpy as np

from posbench.datasets.tokenizers import base

# GPT-2's words, each of at most so many characters after its space.
WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}{1,N}| ?\p{N}{1,N}| ?[^\s\p{L}\p{N}]{1,N}|\s{1,N}(?!\S)|\s{1,N}".replace(
    '{1,N}', f'{{1,{base.WORD}}}'
)


class ByteLevel(base.Tokenizer):
    """The pieces of a model of the `tokenizers` library, and the end of a document, which is the last id.

    Pieces are spelled in an alphabet of 256 printable characters, one for each byte (GPT-2's table). No piece reaches
    over the border of a word, as GPT-2's pattern finds words, nor over a cut each WORD characters inside a longer one:
    time grows with the length of a text, whatever it is.
    """

    def __init__(self, model):
        self._model = model
        self.end_of_document = model.get_vocab_size()
        self.vocabulary = self.end_of_document + 1
        starts = {character: _starts(bytes([byte])) for byte, character in printable_bytes().items()}
        self.characters_V = np.zeros(self.vocabulary, np.int32)
        for token, i in model.get_vocab().items():
            self.characters_V[i] = sum(starts[character] for character in token)

    def encode(self, text: str) -> np.ndarray:
        return np.array(self._model.encode(text).ids, np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        ids = [i for i in base.as_list(ids) if i != self.end_of_document]
        return self._model.decode(ids, skip_special_tokens=False)

    def to_json(self) -> str:
        return self._model.to_str()

    @classmethod
    def from_json(cls, stored: str) -> 'ByteLevel':
        from tokenizers import Tokenizer

        return cls(Tokenizer.from_str(stored))


def in_words(model):
    """A model of the `tokenizers` library as a tokenizer of that library, of such words in bytes."""
    from tokenizers import Regex, Tokenizer, decoders, pre_tokenizers

    whole = Tokenizer(model)
    words = pre_tokenizers.Split(Regex(WORDS), 'isolated')
    in_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    whole.pre_tokenizer = pre_tokenizers.Sequence([words, in_bytes])
    whole.decoder = decoders.ByteLevel()
    return whole


def starts_of_bytes() -> np.ndarray:
    """Characters that begin with each byte of UTF-8, int32 [256]."""
    return np.array([_starts(bytes([byte])) for byte in range(256)], np.int32)


def printable_bytes() -> dict[int, str]:
    """The character that stands for each byte."""
    plain = [*range(ord('!'), ord('~') + 1), *range(ord('¡'), ord('¬') + 1), *range(ord('®'), ord('ÿ') + 1)]
    others = [byte for byte in range(256) if byte not in plain]
    return {byte: chr(byte) for byte in plain} | {byte: chr(256 + i) for i, byte in enumerate(others)}


def _starts(data: bytes) -> int:
    """Characters that begin in these bytes of UTF-8: those that are not 0b10xxxxxx."""
    return sum(byte & 0xC0 != 0x80 for byte in data)
