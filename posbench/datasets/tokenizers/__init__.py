"""Text to token ids and back: bytes, characters, words, pieces of words, or the published tokenizer of a file.

`characters_V` says how many characters each token stands for, so that a loss per token can be told per character,
which is the same unit for every tokenizer. `spelled` and `index` are the vocabulary: the text of each id, and the id of
a text.
"""

import dataclasses
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from posbench.datasets.sources import DatasetError
from posbench.datasets.tokenizers.base import LEARNED_FROM, WORD, Tokenizer, first
from posbench.datasets.tokenizers.bpe import BPE
from posbench.datasets.tokenizers.bytes import Bytes
from posbench.datasets.tokenizers.characters import Characters
from posbench.datasets.tokenizers.file import File, read
from posbench.datasets.tokenizers.unigram import Unigram
from posbench.datasets.tokenizers.words import Words
from posbench.knobs import Range, kinds

__all__ = [
    'BPE',
    'KINDS',
    'LEARNED_FROM',
    'WORD',
    'Bytes',
    'Characters',
    'DatasetError',
    'File',
    'Recipe',
    'Tokenizer',
    'Unigram',
    'Words',
    'first',
    'recipe',
]  # fmt: skip

Name = Literal['bytes', 'characters', 'words', 'bpe', 'unigram', 'file']
Vocabulary = Annotated[int, Range(min=1)]
MinCount = Annotated[int, Range(min=1)]
Segmentation = Literal['unicode', 'treebank', 'white_space']

KINDS = {'bytes': Bytes, 'characters': Characters, 'words': Words, 'bpe': BPE, 'unigram': Unigram, 'file': File}
# Options of the tokenizer 'words' alone, and what they are for the others.
OF_WORDS = dict(lowercase=False, min_count=1, segmentation='unicode')


@dataclasses.dataclass(frozen=True)
class Recipe:
    """All that decides what a tokenizer becomes, besides the text that it is trained on; `recipe` checks it."""

    name: str
    vocabulary: int
    file: Path | None
    # OF_WORDS, by name.
    words: tuple[tuple[str, Any], ...] = ()

    @property
    def kind(self) -> type:
        """The class of the tokenizer."""
        return KINDS[self.name]

    @property
    def settings(self) -> dict[str, Any]:
        """What has to change when the tokenizer may become another one; plain JSON."""
        if self.name in ('bpe', 'unigram', 'words'):
            learned = {'tokenizer': self.name, 'vocabulary': self.vocabulary, 'library': _library()}
            return learned | dict(self.words)
        if self.name == 'file':
            digest = hashlib.sha256(read(self.file)).hexdigest()
            return {'tokenizer': self.name, 'sha256': digest, 'library': _library()}
        return {'tokenizer': self.name}

    def train(self, documents: Iterable[str]) -> Tokenizer:
        """The tokenizer that learned from these documents what it has to."""
        if self.name == 'words':
            # It reads them twice: for its words, and for how many characters stand between them.
            return self.kind.train([*first(documents, LEARNED_FROM)], self.vocabulary, **dict(self.words))
        return self.kind.train(documents, self.file if self.name == 'file' else self.vocabulary)


def recipe(
    name: str,
    vocabulary: int = 1024,
    file: str | Path | None = None,
    *,
    lowercase: bool = False,
    min_count: int = 1,
    segmentation: str = 'unicode',
) -> Recipe:
    """What these options ask for; the last three are those of `words.Words.train`.

    Raises DatasetError for an unknown name, a file too many or too few, and an option that the tokenizer has not.
    """
    if name not in KINDS:
        near = kinds.nearest(str(name), KINDS)
        raise DatasetError(
            f'Unknown tokenizer {name!r}' + (f'; did you mean {near!r}?' if near else '.') + f' There are {[*KINDS]}.'
        )
    if file is not None and name != 'file':
        raise DatasetError(f"tokenizer_file={str(file)!r} needs the tokenizer 'file', got {name!r}.")
    if file is None and name == 'file':
        raise DatasetError("The tokenizer 'file' needs tokenizer_file=..., a tokenizer.json in Hugging Face's layout.")
    words = dict(lowercase=lowercase, min_count=min_count, segmentation=segmentation)
    for option, value in words.items():
        if name != 'words' and value != OF_WORDS[option]:
            raise DatasetError(f"{option}={value!r} needs the tokenizer 'words', got {name!r}.")
    path = None if file is None else Path(file).expanduser()
    return Recipe(name, vocabulary, path, tuple(words.items()) if name == 'words' else ())


def _library() -> str:
    import tokenizers

    return tokenizers.__version__
