"""How often words stand near each other, counted in shards: memory is bounded, whatever the length of the text.

A pair of words at a distance of d words counts 1 / d, as in GloVe (Pennington et al. 2014), or 1. Pairs never cross a
boundary, and each is counted in both orders, so that the matrix is symmetric.
"""

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from posbench.word_vectors.corpus import Corpus

Weighting = Literal['harmonic', 'flat']
# Pairs that are sorted at once, and cells that are merged at once: about 60 bytes each.
PAIRS = 2**23
WHOLE = 'whole'


class Cells(NamedTuple):
    """The N cells of the matrix that are not 0, by row and then by column."""

    row_N: np.ndarray  # int32
    column_N: np.ndarray  # int32
    count_N: np.ndarray  # float32


DTYPES = Cells(np.int32, np.int32, np.float32)


def count(
    corpus: Corpus, split: str, window: int, weighting: Weighting, folder: Path | None = None, pairs: int = PAIRS
) -> Cells:
    """The cells of a split within `window` words; of `folder`, memory-mapped, if they were counted there before.

    Without a folder the shards lie in a temporary one, and the cells in memory.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix='posbench_cells_') as temporary:
            _write(corpus, split, window, weighting, Path(temporary), pairs)
            return _read(Path(temporary), in_memory=True)
    told = json.dumps([corpus.fingerprint, split, window, weighting])
    place = folder / f'cells-{hashlib.sha256(told.encode()).hexdigest()[:16]}'
    # Only what was written to its end says so.
    if not (place / WHOLE).is_file():
        place.mkdir(parents=True, exist_ok=True)
        _write(corpus, split, window, weighting, place, pairs)
        (place / WHOLE).touch()
    return _read(place, in_memory=False)


def _write(corpus: Corpus, split: str, window: int, weighting: Weighting, place: Path, pairs: int) -> None:
    shards = []
    for number, shard in enumerate(_shards(corpus, split, window, weighting, pairs)):
        shards.append([place / f'{number}.{name}.npy' for name in ('key', 'count')])
        for path, array in zip(shards[-1], shard):
            np.save(path, array)
    with contextlib.ExitStack() as opened:
        files = [opened.enter_context((place / name).open('wb')) for name in Cells._fields]
        for cells in _merged(shards, len(corpus.words), pairs):
            for file, array, dtype in zip(files, cells, DTYPES):
                file.write(np.ascontiguousarray(array, dtype).data)
    for path in (path for paths in shards for path in paths):
        path.unlink()


def _read(place: Path, *, in_memory: bool) -> Cells:
    paths = [place / name for name in Cells._fields]
    if in_memory or not paths[0].stat().st_size:
        return Cells(*(np.fromfile(path, dtype) for path, dtype in zip(paths, DTYPES)))
    return Cells(*(np.memmap(path, dtype, 'r') for path, dtype in zip(paths, DTYPES)))


def _shards(
    corpus: Corpus, split: str, window: int, weighting: Weighting, pairs: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(row * V + column, count) of parts of the text, sorted."""
    tokens_N = corpus.tokens[split]
    first_N = tokens_N < 0
    words_N = np.where(first_N, ~tokens_N, tokens_N).astype(np.int64)
    sentence_N = np.cumsum(first_N)
    part = max(pairs // (2 * window), 1)
    for start in range(0, len(words_N), part):
        keys, weights = [], []
        stop = min(start + part, len(words_N))
        for distance in range(1, window + 1):
            last = min(stop, len(words_N) - distance)
            if last <= start:
                break
            near = sentence_N[start:last] == sentence_N[start + distance : last + distance]
            a = words_N[start:last][near]
            b = words_N[start + distance : last + distance][near]
            keys += [a * len(corpus.words) + b, b * len(corpus.words) + a]
            weights.append(np.full(2 * len(a), 1.0 / distance if weighting == 'harmonic' else 1.0))
        if keys:
            yield _summed(np.concatenate(keys), np.concatenate(weights))


def _merged(shards: list[list[Path]], words: int, pairs: int) -> Iterator[Cells]:
    """The sum of the shards, some rows of the matrix at a time."""
    opened = [[np.load(path, mmap_mode='r', allow_pickle=False) for path in paths] for paths in shards]
    starts = np.arange(words + 1, dtype=np.int64) * words
    places = np.array([np.searchsorted(keys_N, starts) for keys_N, _ in opened]).reshape(-1, words + 1)
    filled = places.sum(0)
    row = 0
    while row < words:
        # As many rows as fit, at least one.
        end = max(int(np.searchsorted(filled, filled[row] + pairs, side='right')) - 1, row + 1)
        cut = [slice(place[row], place[end]) for place in places]
        keys = [np.asarray(keys_N[here]) for (keys_N, _), here in zip(opened, cut)]
        counts = [np.asarray(counts_N[here]) for (_, counts_N), here in zip(opened, cut)]
        if sum(map(len, keys)):
            key_N, count_N = _summed(np.concatenate(keys), np.concatenate(counts))
            yield Cells(key_N // words, key_N % words, count_N)
        row = end


def _summed(keys: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each key once, in order, with the sum of its counts in float64."""
    order = np.argsort(keys, kind='stable')
    keys, counts = keys[order], counts[order]
    firsts = np.flatnonzero(np.diff(keys, prepend=-1))
    return keys[firsts], np.add.reduceat(counts, firsts) if len(firsts) else counts
