"""Words and vectors as they are gathered from a file: checked, and in memory once."""

import dataclasses
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from posbench.knobs import kinds
from posbench.word_vectors.formats.stream import FormatError, Stream
from posbench.word_vectors.ngrams import NGrams

# Numbers of a word's vector, at most.
WIDEST = 2**20
# Bytes that are set aside for vectors when nothing says how many will come.
AT_FIRST = 2**22


class Table(NamedTuple):
    """What a file of word vectors holds."""

    words: list[str]
    vectors_VD: np.ndarray
    ngrams: NGrams | None = None


@dataclasses.dataclass(frozen=True)
class Wanted:
    """How a file is to be read; see `load` of posbench/word_vectors."""

    limit: int | None = None
    encoding: str = 'utf-8'
    errors: str = 'strict'
    duplicates: str = 'refuse'


class Words:
    """Gathers words. One that is no good raises FormatError.

    Args:
      stream: the file, for what is said of it.
      wanted: how words are written, and how many are wanted.
      count: of words that the file claims, if it does.
      nameless: a word may be without a letter, as fastText makes one of an empty line.
    """

    def __init__(self, stream: Stream, wanted: Wanted, count: int | None = None, nameless: bool = False):
        self._nameless = nameless
        self.seen, self._stream, self._wanted, self._known, self._again = 0, stream, wanted, {}, 0
        # A limit that is none leaves all to be checked.
        self.limit = None if wanted.limit is None or (count is not None and count <= wanted.limit) else wanted.limit

    def __len__(self) -> int:
        return len(self._known)

    @property
    def is_full(self) -> bool:
        """Nothing more is wanted."""
        return self.limit is not None and self.seen >= self.limit

    def first(self, rows: list) -> list:
        """Those of the next rows that are wanted."""
        return rows if self.limit is None else rows[: self.limit - self.seen]

    def add(self, words: list[bytes], place: Callable[[int], dict]) -> list[int] | None:
        """More words; which of them came for the first time, None for all. `place(i)`: where the i-th stands."""
        texts = self._decoded(words, place)
        self.seen += len(texts)
        fresh = dict.fromkeys(texts)
        if len(fresh) == len(texts) and self._known.keys().isdisjoint(fresh):
            self._known.update(fresh)
            return None
        first = []
        for i, text in enumerate(texts):
            if text not in self._known:
                self._known[text] = None
                first.append(i)
            elif self._wanted.duplicates == 'refuse':
                row = list(self._known).index(text) + 1
                message = (
                    f"got the word {kinds.show(text)} again, which row {row:,} has; see duplicates='first' of load"
                )
                raise FormatError(self._stream.path, message, **place(i))
        self._again += len(texts) - len(first)
        return first

    def finish(self) -> list[str]:
        """All that came, each once."""
        if self._again:
            again = f'{self._again:,} rows were left out: their words came before, and the first of each was kept'
            warnings.warn(f'{self._stream.path}: {again}', stacklevel=2)
        words = list(self._known)
        self._known = {}
        return words

    def _decoded(self, words: list[bytes], place) -> list[str]:
        encoding, errors = self._wanted.encoding, self._wanted.errors
        try:
            # All at once: none of them should have a line feed.
            texts = b'\n'.join(words).decode(encoding, errors).split('\n') if words else []
        except UnicodeDecodeError:
            texts = []
        if len(texts) != len(words) or ('' in texts and not self._nameless):
            texts = [self._one(word, place, i) for i, word in enumerate(words)]
        return texts

    def _one(self, word: bytes, place, i: int) -> str:
        try:
            text = word.decode(self._wanted.encoding, self._wanted.errors)
        except UnicodeDecodeError as error:
            bad, name = f'byte {word[error.start]:#04x} of {show(word)}', self._wanted.encoding.upper()
            message = f'{bad} is not {name} ({error.reason}); see encoding= and errors= of load'
            raise FormatError(self._stream.path, message, **place(i)) from None
        if '\n' in text:
            raise FormatError(self._stream.path, f'got a line feed within the word {show(word)}', **place(i))
        if not text and not self._nameless:
            raise FormatError(self._stream.path, 'got a row without a word', **place(i))
        return text


class Rows(Words):
    """Gathers words with their vectors.

    Args (besides those of Words):
      width: numbers of a vector.
      least: bytes that a row takes, at least.
    """

    def __init__(self, stream: Stream, wanted: Wanted, width: int, least: int, count: int | None = None):
        super().__init__(stream, wanted, count)
        # A claim is believed as far as the file is long.
        bounds = [bound for bound in (count, self.limit) if bound is not None]
        bounds.append(AT_FIRST // (4 * width) + 1 if stream.size is None else stream.size // least + 1)
        self._vectors_VD = np.empty((min(bounds), width), np.float32)

    def add_rows(self, words: list[bytes], vectors_ND: np.ndarray, place: Callable[[int], dict]) -> None:
        """More rows. `place(i)`: where in the file the i-th of them stands, as FormatError wants to be told."""
        if not np.isfinite(vectors_ND).all():
            i, j = np.argwhere(~np.isfinite(vectors_ND))[0]
            message = f'got {vectors_ND[i, j]} as number {j + 1} of {show(words[i])}, wanted finite numbers'
            raise FormatError(self._stream.path, message, **place(int(i)))
        known = len(self)
        first = self.add(words, place)
        vectors_ND = vectors_ND if first is None else vectors_ND[first]
        end = known + len(vectors_ND)
        if end > len(self._vectors_VD):
            # Where it is, if the system can: there are not two of them in memory.
            self._vectors_VD.resize((max(end, len(self._vectors_VD) * 5 // 4), vectors_ND.shape[1]), refcheck=False)
        self._vectors_VD[known:end] = vectors_ND

    def table(self) -> Table:
        """All that came."""
        self._vectors_VD.resize((len(self), self._vectors_VD.shape[1]), refcheck=False)
        return Table(self.finish(), self._vectors_VD)


def show(word: bytes) -> str:
    """A word as an error shows it, whatever it is."""
    return kinds.show(word.decode('utf-8', 'backslashreplace'))


def check_sizes(stream: Stream, count: int, width: int, **place) -> None:
    """FormatError for a header whose sizes no file of vectors has, or not this one."""
    if not 1 <= width <= WIDEST or count < 1:
        message = (
            f'got a header of {count:,} words of {width:,} numbers, wanted at least 1 and at most {WIDEST:,} numbers'
        )
        raise FormatError(stream.path, message, **place)
