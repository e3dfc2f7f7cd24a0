"""Words and their vectors, and the questions that are asked of them. The answers are gensim's (KeyedVectors, 4.4)."""

import functools
import numbers
import pathlib
import string
import warnings
from collections.abc import Iterable, Iterator

import numpy as np

from posbench.knobs import kinds
from posbench.word_vectors import formats
from posbench.word_vectors.ngrams import NGrams

# A word, its vector [D], or one of them with a weight.
Item = str | np.ndarray | tuple
# More words than these are not compared one by one to find the nearest.
FEW = 20_000


class WordVectors:
    """Vectors by word: `wv['king']`, `'king' in wv`, `wv.most_similar(['king', 'woman'], ['man'])`.

    With n-grams, a word that is not in the vocabulary has the vector that its n-grams give, and is `in`, as in gensim;
    `word in wv.index` asks for the vocabulary.

    Attributes:
      words: the vocabulary, the most frequent first where a file says so.
      vectors_VD: float32, a row a word; not to be written to.
      index: the row of each word.
      ngrams: vectors of words that are not in the vocabulary, or None.
    """

    def __init__(self, words: Iterable[str], vectors_VD: np.ndarray, ngrams: NGrams | None = None):
        """ValueError for a word that comes twice, and for vectors that are not float32 [V, D]."""
        self.words = list(words)
        self.index = {word: i for i, word in enumerate(self.words)}
        self.ngrams = ngrams
        # A view, so that whose array it is may go on writing to it.
        self.vectors_VD = np.asarray(vectors_VD)[...]
        shape, count = self.vectors_VD.shape, len(self.words)
        if self.vectors_VD.dtype != np.float32 or len(shape) != 2 or shape[0] != count:
            raise ValueError(f'got vectors {self.vectors_VD.dtype} {shape}, wanted float32 [V, D] of {count:,} words')
        if len(self.index) != count:
            again = next(word for i, word in enumerate(self.words) if self.index[word] != i)
            raise ValueError(f'got the word {kinds.show(again)} twice, wanted each once')
        self.vectors_VD.flags.writeable = False

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __repr__(self) -> str:
        n_grams = '' if self.ngrams is None else f', n-grams in {len(self.ngrams.vectors_BD):,} buckets'
        return f'WordVectors({len(self):,} words, {self.width} numbers{n_grams})'

    def __contains__(self, word: str) -> bool:
        return self.vector(word) is not None

    def __getitem__(self, word: str | list[str]) -> np.ndarray:
        """float32 [D], or [N, D] for a list. KeyError, which names the nearest word, for one that has no vector."""
        if isinstance(word, list | tuple):
            return np.array([self[one] for one in word], np.float32).reshape(-1, self.width)
        vector_D = self.vector(word)
        if vector_D is None:
            near = self.nearest(word)
            hint = f'; did you mean {near!r}?' if near else ''
            raise KeyError(f'there is no vector of {kinds.show(word)} among {len(self):,} words{hint}')
        return vector_D

    @property
    def width(self) -> int:
        """D, the numbers of a vector."""
        return self.vectors_VD.shape[1]

    def vector(self, word: str) -> np.ndarray | None:
        """float32 [D]; None for a word that has no vector, not even by its n-grams."""
        row = self.index.get(word)
        if row is not None:
            return self.vectors_VD[row]
        return None if self.ngrams is None or not isinstance(word, str) else self.ngrams.vector(word)

    @functools.cached_property
    def norms_V(self) -> np.ndarray:
        """Euclidean, float32; 1 where all numbers are 0, so that such a word is like no other."""
        norms_V = np.linalg.norm(self.vectors_VD, axis=1)
        return np.where(norms_V == 0, np.float32(1), norms_V)

    @functools.cached_property
    def normalised_VD(self) -> np.ndarray:
        """The vectors at length 1, float32 [V, D]: made when they are first asked for, and kept."""
        normalised_VD = self.vectors_VD / self.norms_V[:, None]
        normalised_VD.flags.writeable = False
        return normalised_VD

    def most_similar(
        self, positive: Item | Iterable[Item] = (), negative: Item | Iterable[Item] = (), n: int = 10
    ) -> list[tuple[str, float]]:
        """The words whose cosine with the mean of what is given is highest, and that cosine; none that is given.

        Args:
          positive: a word, a vector [D], a pair of one of them and its weight, or several; each at length 1, times 1.
          negative: the same, times -1. The weight of a pair is taken as it is, here too.
          n: how many words, at most.

        Raises KeyError for a word without a vector, and ValueError where nothing is given.
        """
        if isinstance(negative, numbers.Number):
            raise ValueError(f'got negative={negative}, wanted words or vectors; did you mean n={negative}?')
        items = [(item, 1.0) for item in _several(positive)] + [(item, -1.0) for item in _several(negative)]
        if not items:
            raise ValueError('most_similar: got no word and no vector, wanted at least one')
        mean_D, given, total = np.zeros(self.width, np.float32), set(), 0.0
        for item, weight in items:
            item, weight = item if isinstance(item, tuple) else (item, weight)
            if isinstance(item, str):
                vector_D = self._unit(item)
                given.add(self.index.get(item))
            else:
                vector_D = self._checked(item)
            mean_D += np.float64(weight) * vector_D
            total += abs(weight)
        # Weights, and what is divided by them, are float64 in gensim too.
        mean_D = _unit(mean_D / np.float64(total or 1.0))
        cosines_V = (self.vectors_VD @ mean_D) / self.norms_V
        rows = _highest(cosines_V, max(0, n) + len(given))
        return [(self.words[row], float(cosines_V[row])) for row in rows if row not in given][: max(0, n)]

    def similarity(self, a: str, b: str) -> float:
        """The cosine of two words. KeyError for one without a vector."""
        return float(_unit(self[a]) @ _unit(self[b]))

    def doesnt_match(self, words: Iterable[str]) -> str:
        """The word that is least like the mean of all.

        Words without a vector are left out with a warning. ValueError where no word has one.
        """
        words = _several(words)
        known = [word for word in words if word in self]
        if len(known) < len(words):
            unknown = ', '.join(sorted({kinds.show(word) for word in words if word not in self}))
            warnings.warn(f'doesnt_match: left out, since there is no vector of {unknown}', stacklevel=2)
        if not known:
            raise ValueError('doesnt_match: got no word that has a vector, wanted several')
        units_ND = np.stack([self._unit(word) for word in known])
        cosines_N = units_ND @ _unit(units_ND.sum(0) / np.float32(len(known)))
        return min(zip(cosines_N.tolist(), known))[1]

    def analogy(self, a: str, b: str, c: str, n: int = 10) -> list[tuple[str, float]]:
        """What is to `c` as `b` is to `a`, by 3CosAdd (Mikolov, Yih and Zweig, NAACL 2013): as `most_similar`."""
        return self.most_similar([b, c], [a], n)

    def nearest(self, word: str) -> str | None:
        """The word of the vocabulary that was probably meant, by its letters; None if none is near."""
        if not isinstance(word, str):
            return None
        for other in (word.lower(), word.capitalize(), word.upper(), word.strip()):
            if other in self.index:
                return other
        # One letter away: of those, the most frequent.
        if len(word) < 64:
            letters = sorted({*string.ascii_lowercase, *word})
            cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
            near = {head + letter + tail[i:] for head, tail in cuts for letter in ('', *letters) for i in (0, 1)}
            near |= {head + tail[1] + tail[0] + tail[2:] for head, tail in cuts if len(tail) > 1}
            if rows := [self.index[other] for other in near if other in self.index]:
                return self.words[min(rows)]
        return kinds.nearest(word, self.words) if len(self) <= FEW and len(word) < 64 else None

    def save(self, path: str | pathlib.Path, format: str | None = None) -> None:
        """Writes a file, whole or not at all, and compressed if its name ends in .gz, .bz2 or .xz.

        Args:
          path: .safetensors, .vec (fastText's text), .txt (word2vec's text) or .bin (fastText's where there are
            n-grams, else word2vec's) says the format.
          format: one of `posbench.word_vectors.formats.names()`, if the name does not say it. N-grams go into
            safetensors and fasttext_bin; the others hold the words alone.

        Raises ValueError for numbers that are not finite and for a word that the format cannot hold, and OSError.
        """
        formats.write(pathlib.Path(path), formats.Table(self.words, self.vectors_VD, self.ngrams), format)

    def _unit(self, word: str) -> np.ndarray:
        row = self.index.get(word)
        return _unit(self[word]) if row is None else self.vectors_VD[row] / self.norms_V[row]

    def _checked(self, vector_D) -> np.ndarray:
        if np.shape(vector_D) != (self.width,) or not np.isfinite(vector_D).all():
            raise ValueError(f'got {kinds.show(vector_D)}, wanted a word or a vector of {self.width} finite numbers')
        return np.asarray(vector_D)


def _several(items: Item | Iterable[Item]) -> list[Item]:
    """What was given, as a list: a word, a vector or a pair alone is one."""
    pair = isinstance(items, tuple) and len(items) == 2 and isinstance(items[1], numbers.Number)
    if isinstance(items, str) or pair or (isinstance(items, np.ndarray) and items.ndim == 1):
        return [items]
    return list(items)


def _unit(vector_D: np.ndarray) -> np.ndarray:
    """At length 1, as float32; zeros stay."""
    norm = np.linalg.norm(vector_D)
    return np.asarray(vector_D / norm if norm else vector_D, np.float32)


def _highest(values_V: np.ndarray, n: int) -> np.ndarray:
    """Where the highest values are, from the highest; of equal ones, the first."""
    if n < len(values_V):
        # All that are as high as the last of them.
        least = np.partition(values_V, -n)[-n]
        rows = np.flatnonzero(values_V >= least)
    else:
        rows = np.arange(len(values_V))
    return rows[np.argsort(-values_V[rows], kind='stable')][:n]
