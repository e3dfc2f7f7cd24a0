"""Which pieces words are best made of: expectation maximisation and pruning of a unigram model (Kudo 2018, 3.2).

All words are one lattice, whose edges are the places where a piece fits; NumPy goes through it by the place in a word,
all words at once. Nothing is drawn, so that the same words give the same pieces.
"""

import collections
import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

# Characters of the longest piece, as in SentencePiece.
LONGEST = 16
# What is learned is learned from the commonest words, so many characters of them in all: an English text of 20 million
# characters has fewer, and the lattice of a genome fits into memory.
CHARACTERS = 500_000
# Pieces to begin with, times those that are wanted in the end.
SEEDS = 10
# What is left after each pruning, and the rounds of expectation maximisation before it.
KEPT, ROUNDS = 0.75, 2
# What a piece that has to stay counts where no word has it.
UNSEEN = 1e-3


def learn(counts: Mapping[str, int], alphabet: Sequence[str], size: int) -> list[tuple[str, float]]:
    """(piece, log probability), likeliest first: those of the alphabet, and the best others up to `size` in all.

    counts: how often each word stands in the text.
    """
    words = _commonest(counts)
    count_W = np.array([counts[word] for word in words], np.float64)
    names = [*alphabet, *_seeds(words, counts, SEEDS * size, set(alphabet))]
    index = {name: number for number, name in enumerate(names)}
    lattice, alone = _lattice(words, index, whole=True), _lattice(names, index, whole=False)
    # By length alone, until the first expectation: longer ones are tried first.
    score_P = np.log(np.array([len(name) for name in names], np.float64) / len(names) / LONGEST)
    must_P, alive = np.arange(len(names)) < len(alphabet), np.arange(len(names))
    while True:
        for _ in range(ROUNDS):
            expected_P = lattice.expected(score_P, count_W)
            expected_P = np.where(must_P, np.maximum(expected_P, UNSEEN), expected_P)
            # What is hardly ever there is gone; its edges too.
            stay_P = must_P | (expected_P >= 0.5)
            alive, must_P, expected_P = alive[stay_P], must_P[stay_P], expected_P[stay_P]
            lattice, alone = lattice.without(stay_P), alone.without(stay_P, also_words=True)
            score_P = np.log(expected_P / expected_P.sum())
        if len(alive) <= size:
            break
        # What the text would lose with a piece: how much less likely the best way to write it in others is.
        loss_P = np.where(must_P, np.inf, expected_P * (score_P - alone.best(score_P)))
        keep = np.argsort(-loss_P, kind='stable')[: max(size, int(KEPT * len(alive)))]
        stay_P = np.zeros(len(alive), bool)
        stay_P[keep] = True
        alive, must_P, score_P = alive[stay_P], must_P[stay_P], score_P[stay_P]
        lattice, alone = lattice.without(stay_P), alone.without(stay_P, also_words=True)
    found = [(names[number], float(score)) for number, score in zip(alive, score_P)]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def _commonest(counts: Mapping[str, int]) -> list[str]:
    """The commonest words, those of one count by their text, up to CHARACTERS of them."""
    words, characters = [], 0
    for word in sorted(counts, key=lambda word: (-counts[word], word)):
        characters += len(word)
        if characters > CHARACTERS and words:
            break
        words.append(word)
    return words


def _seeds(words: Sequence[str], counts: Mapping[str, int], most: int, without: set[str]) -> list[str]:
    """The parts of words that stand there more than once, those first that make up most of the text."""
    found: collections.Counter[str] = collections.Counter()
    for word in words:
        count = counts[word]
        for start in range(len(word)):
            for end in range(start + 2, min(start + LONGEST, len(word)) + 1):
                found[word[start:end]] += count
    several = [part for part, count in found.items() if count > 1 and part not in without]
    return sorted(several, key=lambda part: (-found[part] * len(part), part))[:most]


class _Lattice(NamedTuple):
    """Edges from node to node of W words, by the depth of their ends in a word, and those of one end together."""

    word_E: np.ndarray
    start_E: np.ndarray
    end_E: np.ndarray
    piece_E: np.ndarray
    depth_E: np.ndarray  # of the end
    first_W: np.ndarray  # the first node of each word, and the last one
    last_W: np.ndarray

    def without(self, stay_P: np.ndarray, also_words: bool = False) -> '_Lattice':
        """With those pieces alone; `also_words`: the words are the pieces too."""
        number_P = np.cumsum(stay_P) - 1
        stay_E = stay_P[self.piece_E] & (stay_P[self.word_E] if also_words else True)
        edges = [edge[stay_E] for edge in self[:5]]
        edges[3] = number_P[edges[3]]
        if not also_words:
            return _Lattice(*edges, self.first_W, self.last_W)
        edges[0] = number_P[edges[0]]
        return _Lattice(*edges, self.first_W[stay_P], self.last_W[stay_P])

    def expected(self, score_P: np.ndarray, count_W: np.ndarray) -> np.ndarray:
        """How often each piece is expected in words that stand there so often."""
        forward_N = self._sums(score_P, np.logaddexp)
        edge_E = score_P[self.piece_E]
        backward_N = np.full(len(forward_N), -np.inf)
        backward_N[self.last_W] = 0.0
        # From the ends of words; edges of one start together.
        length_E = self.end_E - self.start_E
        from_depth_E = self.depth_E - length_E
        order = np.lexsort((self.start_E, -from_depth_E))
        for part in _parts(from_depth_E[order]):
            edges = order[part]
            values = edge_E[edges] + backward_N[self.end_E[edges]]
            starts, groups = _groups(self.start_E[edges])
            backward_N[starts] = np.logaddexp.reduceat(values, groups)
        total_W = forward_N[self.last_W]
        log_E = forward_N[self.start_E] + edge_E + backward_N[self.end_E] - total_W[self.word_E]
        return np.bincount(self.piece_E, np.exp(log_E) * count_W[self.word_E], len(score_P))

    def best(self, score_P: np.ndarray) -> np.ndarray:
        """The log probability of the likeliest way to write each word; -inf where there is none."""
        return self._sums(score_P, np.maximum)[self.last_W]

    def _sums(self, score_P: np.ndarray, add: np.ufunc) -> np.ndarray:
        """From the start of its word to each node, over all ways."""
        value_N = np.full(max(self.last_W.max(initial=0), self.end_E.max(initial=0)) + 1, -np.inf)
        value_N[self.first_W] = 0.0
        for part in _parts(self.depth_E):
            ends, groups = _groups(self.end_E[part])
            value_N[ends] = add.reduceat(value_N[self.start_E[part]] + score_P[self.piece_E[part]], groups)
        return value_N


def _lattice(words: Sequence[str], index: Mapping[str, int], *, whole: bool) -> _Lattice:
    """All edges of these words; without `whole` none from the first node of a word to its last one."""
    edges, first, nodes = [], [], 0
    for number, word in enumerate(words):
        first.append(nodes)
        for start in range(len(word)):
            for end in range(start + 1, min(start + LONGEST, len(word)) + 1):
                piece = index.get(word[start:end])
                if piece is not None and (whole or end - start < len(word)):
                    edges.append((number, nodes + start, nodes + end, piece, end))
        nodes += len(word) + 1
    table = np.array(edges, np.int32).reshape(-1, 5)
    table = table[np.lexsort((table[:, 2], table[:, 4]))]
    first_W = np.array(first, np.int32)
    last_W = first_W + np.array([len(word) for word in words], np.int32)
    return _Lattice(*np.ascontiguousarray(table.T), first_W, last_W)


def _parts(sorted_N: np.ndarray) -> list[slice]:
    """The slices of equal values."""
    borders = np.flatnonzero(np.diff(sorted_N)) + 1
    ends = [0, *borders.tolist(), len(sorted_N)]
    return [slice(start, end) for start, end in itertools.pairwise(ends) if end > start]


def _groups(sorted_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct values, and where each begins."""
    groups = np.flatnonzero(np.diff(sorted_N, prepend=sorted_N[:1] - 1))
    return sorted_N[groups], groups
