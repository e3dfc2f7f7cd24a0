"""Text to token ids and back: bytes, characters, byte-level BPE, or the published tokenizer of a file.

`characters_V` says how many characters each token stands for, so that a loss per token can be told per character,
which is the same unit for every tokenizer.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol

import numpy as np

from posbench.datasets.sources import DatasetError
from posbench.knobs import Range, kinds

Name = Literal['bytes', 'characters', 'bpe', 'file']
Vocabulary = Annotated[int, Range(min=1)]
# What is learned from a text is learned from at most so many characters from the start of train.
LEARNED_FROM = 20_000_000
# Merges are learned and made inside words of at most so many characters, because learning takes the square of that: a
# longer one, such as a genome or base64, is cut. Words of prose are far shorter, and so are Chinese sentences.
WORD = 1024
# GPT-2's words, each of at most so many characters after its space.
WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}{1,N}| ?\p{N}{1,N}| ?[^\s\p{L}\p{N}]{1,N}|\s{1,N}(?!\S)|\s{1,N}".replace(
    '{1,N}', f'{{1,{WORD}}}'
)
# Of a published tokenizer's tokens, the first that is there ends a document.
ENDS = ('[SEP]', '</s>', '<|endoftext|>')


class Tokenizer(Protocol):
    vocabulary: int  # V, with the end of a document
    end_of_document: int  # V-1, but for `File`; no text has it
    characters_V: np.ndarray  # int32; over the tokens of a text this sums to the length of the text, but for `File`
    # What its models expect around a text, such as ([CLS],) and ([SEP],).
    before: tuple[int, ...]
    after: tuple[int, ...]

    def encode(self, text: str) -> np.ndarray:
        """Token ids, int32 [N], without an end of document."""

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids; ends of documents are left out, what is no text becomes U+FFFD."""

    def to_json(self) -> str: ...


class Bytes:
    """The 256 bytes of UTF-8."""

    before: ClassVar = ()
    after: ClassVar = ()

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

    before: ClassVar = ()
    after: ClassVar = ()

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
    the text has nothing more to merge. Every text can be written in them, and comes back as it was. No merge reaches
    over the border of a word, as GPT-2's pattern finds words, nor over a cut each WORD characters inside a longer
    one: time grows with the length of a text, whatever it is.
    """

    before: ClassVar = ()
    after: ClassVar = ()

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
        from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

        if vocabulary < 257:
            raise DatasetError(f'A BPE vocabulary of {vocabulary} is too small; wanted 257 (256 bytes, end) or more.')
        model = Tokenizer(models.BPE())
        words = pre_tokenizers.Split(Regex(WORDS), 'isolated')
        in_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        model.pre_tokenizer = pre_tokenizers.Sequence([words, in_bytes])
        model.decoder = decoders.ByteLevel()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        trainer = trainers.BpeTrainer(vocab_size=vocabulary - 1, initial_alphabet=alphabet, show_progress=False)
        model.train_from_iterator(first(documents, LEARNED_FROM), trainer)
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


class File:
    """The tokenizer of a `tokenizer.json` in Hugging Face's layout, without what it adds to a text or cuts off.

    Many of these lose characters: they lower-case, drop accents and white space, or write what they do not know as one
    token. So a token stands for more than one text, and its `characters_V` is a mean, over the text of train: of the
    characters from the end of the token before it to its own end. White space counts for the token after it, what
    follows the last token of a document for that one. Over train that sums to the length of the text, over another
    text to nearly that. A token that train lacks counts as much as the mean token, what ends a document for nothing.
    """

    def __init__(self, model, characters_V: np.ndarray | None = None):
        self._model, vocabulary = model, model.get_vocab()
        self.vocabulary = max(vocabulary.values()) + 1
        end = next((token for token in ENDS if token in vocabulary), None)
        self.end_of_document = self.vocabulary if end is None else vocabulary[end]
        self.vocabulary += end is None
        self.characters_V = characters_V
        # What the file puts around a text shows in a text of tokens that it surely knows.
        framed = model.encode(' '.join(sorted(vocabulary))[:1000])
        own = [i for i, added in enumerate(framed.special_tokens_mask) if not added] or [0]
        self.before, self.after = tuple(framed.ids[: own[0]]), tuple(framed.ids[own[-1] + 1 :])

    @classmethod
    def train(cls, documents: Iterable[str], path: Path) -> 'File':
        """The tokenizer as it is; only how many characters a token stands for is learned."""
        tokenizer = cls(_published(_bytes(path), str(path)))
        count_V, sum_V = np.zeros((2, tokenizer.vocabulary), np.int64)
        for document in first(documents, LEARNED_FROM):
            encoded = tokenizer._encode(document)
            ids_N, end_N = np.array(encoded.ids, np.int64), np.array([end for _, end in encoded.offsets], np.int64)
            if len(ids_N):
                # Tokens that are parts of one character have its end in common.
                end_N = np.maximum.accumulate(end_N)
                end_N[-1] = len(document)
                np.add.at(count_V, ids_N, 1)
                np.add.at(sum_V, ids_N, np.diff(end_N, prepend=0))
        mean = sum_V.sum() / max(count_V.sum(), 1)
        tokenizer.characters_V = np.where(count_V > 0, sum_V / np.maximum(count_V, 1), mean).astype(np.float32)
        tokenizer.characters_V[tokenizer.end_of_document] = 0
        return tokenizer

    def encode(self, text: str) -> np.ndarray:
        return np.array(self._encode(text).ids, np.int32)

    def _encode(self, text: str):
        return self._model.encode(text, add_special_tokens=False)

    def decode(self, ids: Iterable[int]) -> str:
        return self._model.decode([i for i in _list(ids) if i != self.end_of_document], skip_special_tokens=False)

    def to_json(self) -> str:
        return json.dumps({'file': self._model.to_str(), 'characters': self.characters_V.tolist()})

    @classmethod
    def from_json(cls, stored: str) -> 'File':
        content = json.loads(stored)
        return cls(_published(content['file'].encode(), 'tokenizer.json'), np.array(content['characters'], np.float32))


KINDS = {'bytes': Bytes, 'characters': Characters, 'bpe': BPE, 'file': File}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """All that decides what a tokenizer becomes, besides the text that it is trained on; `recipe` checks it."""

    name: str
    vocabulary: int
    file: Path | None

    @property
    def kind(self) -> type:
        """The class of the tokenizer."""
        return KINDS[self.name]

    @property
    def settings(self) -> dict[str, Any]:
        """What has to change when the tokenizer may become another one; plain JSON."""
        if self.name == 'bpe':
            return {'tokenizer': self.name, 'vocabulary': self.vocabulary, 'library': _library()}
        if self.name == 'file':
            digest = hashlib.sha256(_bytes(self.file)).hexdigest()
            return {'tokenizer': self.name, 'sha256': digest, 'library': _library()}
        return {'tokenizer': self.name}

    def train(self, documents: Iterable[str]) -> Tokenizer:
        """The tokenizer that learned from these documents what it has to."""
        return self.kind.train(documents, self.file if self.name == 'file' else self.vocabulary)


def recipe(name: str, vocabulary: int = 1024, file: str | Path | None = None) -> Recipe:
    """What these options ask for. Raises DatasetError for an unknown name, or a file too many or too few."""
    if name not in KINDS:
        near = kinds.nearest(str(name), KINDS)
        raise DatasetError(
            f'Unknown tokenizer {name!r}' + (f'; did you mean {near!r}?' if near else '.') + f' There are {[*KINDS]}.'
        )
    if file is not None and name != 'file':
        raise DatasetError(f"tokenizer_file={str(file)!r} needs the tokenizer 'file', got {name!r}.")
    if file is None and name == 'file':
        raise DatasetError("The tokenizer 'file' needs tokenizer_file=..., a tokenizer.json in Hugging Face's layout.")
    return Recipe(name, vocabulary, None if file is None else Path(file).expanduser())


def _library() -> str:
    import tokenizers

    return tokenizers.__version__


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f'tokenizer_file: {path} cannot be read: {error.strerror}.') from None


def _published(data: bytes, where: str):
    """The tokenizer that a file holds, of texts of any length and of what they say alone."""
    from tokenizers import Tokenizer

    try:
        model = Tokenizer.from_str(data.decode('utf-8-sig'))
    except Exception as error:  # The library raises nothing narrower.
        raise DatasetError(f"tokenizer_file: {where} is no tokenizer.json in Hugging Face's layout: {error}.") from None
    if not model.get_vocab_size():
        raise DatasetError(f'tokenizer_file: {where} has no tokens.')
    # The file of a sentence encoder cuts after its longest input, and fills up to it.
    model.no_truncation()
    model.no_padding()
    # A text that says [SEP] does not mean the token.
    model.encode_special_tokens = True
    return model


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
