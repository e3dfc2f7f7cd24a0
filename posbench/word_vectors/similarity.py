"""How well word vectors agree with people: similarity of pairs of words, and analogies.

WordSim-353 (Finkelstein et al. 2002, Placing Search in Context, TOIS 20), SimLex-999 (Hill, Reichart and Korhonen 2015,
arXiv 1408.3456) and the analogies of Google (Mikolov et al. 2013, arXiv 1301.3781), as the gensim wheel has them. NumPy
only.

    for result in similarity.evaluate(wv):
        print(result)
"""

import dataclasses
import functools
import pathlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from posbench.datasets import packages
from posbench.knobs import kinds

# Pairs of words with the mean rating of people, and the file that they are.
PAIRS = {'wordsim353': 'wordsim353.tsv', 'simlex999': 'simlex999.txt'}
ANALOGIES = 'questions-words.txt'
SETS = (*PAIRS, 'analogies')
# Questions are asked of the words that come first, as in the papers.
MOST_FREQUENT = 30_000
RESAMPLES = 1000
# Questions, or resamples, at once: some 30 MB of cosines.
BLOCK = 256


class Vectors(Protocol):
    """What is asked of word vectors."""

    words: Sequence[str]  # the most frequent first
    vectors_VD: np.ndarray

    def vector(self, word: str) -> np.ndarray | None:
        """float32 [D]; None for a word that has no vector."""


@dataclasses.dataclass(frozen=True)
class Result:
    """One number of one set.

    Attributes:
      set: one of SETS.
      part: a section of the analogies, 'semantic' or 'syntactic'; 'all' is the whole set.
      metric: 'spearman' (rank correlation with people, from -1 to 1) or 'accuracy' (share of questions).
      value: NaN where nothing could be asked, as where all vectors are equally like each other.
      low, high: ends of the 95 % interval, by resampling the pairs or questions.
      used: pairs or questions that were asked; the others have a word that is not known.
      total: pairs or questions there are.
      unknown: the share of the different words of the set that have no vector, or, for analogies, are not among the
        most frequent.
    """

    set: str
    part: str
    metric: str
    value: float
    low: float
    high: float
    used: int
    total: int
    unknown: float


def evaluate(
    wv: Vectors,
    sets: Sequence[str] = SETS,
    *,
    most_frequent: int = MOST_FREQUENT,
    data_dir: str | pathlib.Path | None = None,
    seed: int = 0,
) -> list[Result]:
    """The results of each set, of the analogies by section and in all.

    Words are looked up in lower case, and where several words are one in lower case it is the first of them. Pairs: the
    rank correlation (ties have their mean rank) of cosines with the ratings of people. Analogies: whether, among the
    `most_frequent` words, the one whose cosine with b - a + c is highest is the one that is wanted (3CosAdd, Mikolov,
    Yih and Zweig, NAACL 2013), a, b and c left out. Pairs and questions with an unknown word are left out and counted.
    Intervals are percentile bootstrap intervals of RESAMPLES resamples of pairs or questions, drawn by `seed`; since
    questions of a section share words, those of analogies are too narrow rather than too wide.

    The sets are fetched by package name, once, below `data_dir`. Raises ValueError for an unknown set, and DatasetError
    (a ValueError) where they cannot be had; both are one line.
    """
    for name in sets:
        if name not in SETS:
            near = kinds.nearest(str(name), SETS)
            hint = f'; did you mean {near!r}?' if near else '.'
            raise ValueError(f'Unknown evaluation set {name!r}{hint} There are {[*SETS]}.')
    if most_frequent < 1:
        raise ValueError(f'most_frequent: got {most_frequent}, wanted at least 1')
    folder = packages.fetch('gensim', data_dir) / 'test_data'
    results = []
    for name in sets:
        if name in PAIRS:
            results.append(similarity(wv, name, read_pairs(folder / PAIRS[name]), seed=seed))
        else:
            results += analogies(wv, read_questions(folder / ANALOGIES), most_frequent=most_frequent, seed=seed)
    return results


def read_pairs(path: pathlib.Path) -> list[tuple[str, str, float]]:
    """Two words and their rating, tab separated; lines that begin with # are none."""
    lines = (line for line in path.read_text('utf-8').splitlines() if line and not line.startswith('#'))
    return [(a, b, float(rating)) for a, b, rating in (line.split('\t') for line in lines)]


def read_questions(path: pathlib.Path) -> dict[str, list[tuple[str, ...]]]:
    """By section, which a line with a colon begins: a, b, c and the word that is to c as b is to a."""
    sections: dict[str, list[tuple[str, ...]]] = {}
    for line in filter(None, path.read_text('utf-8').splitlines()):
        if line.startswith(':'):
            questions = sections.setdefault(line[1:].strip(), [])
        else:
            questions.append(tuple(line.split()))
    return sections


def similarity(wv: Vectors, name: str, pairs: Sequence[tuple[str, str, float]], *, seed: int = 0) -> Result:
    """The rank correlation of cosines and ratings; see `evaluate`."""
    first = _first_of_lower_case(wv.words)

    @functools.cache
    def vector(word: str) -> np.ndarray | None:
        row = first.get(word)
        return wv.vector(word) if row is None else np.asarray(wv.vectors_VD[row])

    lower = [(a.lower(), b.lower(), rating) for a, b, rating in pairs]
    words = {word for a, b, _ in lower for word in (a, b)}
    known = [(a, b, rating) for a, b, rating in lower if vector(a) is not None and vector(b) is not None]
    cosines_P = np.array([_unit(vector(a)) @ _unit(vector(b)) for a, b, _ in known], np.float64)
    ratings_P = np.array([rating for _, _, rating in known], np.float64)
    # A correlation of less than two pairs is none.
    value, low, high = (np.nan, np.nan, np.nan)
    if len(known) > 1:
        value = spearman(cosines_P[None], ratings_P[None])[0]
        rng = np.random.default_rng(seed)
        draws = (rng.integers(len(known), size=(BLOCK, len(known))) for _ in range(-(-RESAMPLES // BLOCK)))
        resampled = np.concatenate([spearman(cosines_P[draw_RP], ratings_P[draw_RP]) for draw_RP in draws])
        low, high = _interval(resampled[:RESAMPLES])
    unknown = sum(vector(word) is None for word in words) / max(len(words), 1)
    return Result(name, 'all', 'spearman', float(value), low, high, len(known), len(pairs), unknown)


def spearman(x_RP: np.ndarray, y_RP: np.ndarray) -> np.ndarray:
    """The rank correlation of each row, float64 [R]: Pearson's of ranks. NaN where all values of a row are equal."""
    ranks = [ranks_of(values_RP) for values_RP in (x_RP, y_RP)]
    x_RP, y_RP = (ranks_RP - ranks_RP.mean(axis=1, keepdims=True) for ranks_RP in ranks)
    scale_R = np.sqrt((x_RP**2).sum(axis=1) * (y_RP**2).sum(axis=1))
    return np.divide((x_RP * y_RP).sum(axis=1), scale_R, out=np.full(len(scale_R), np.nan), where=scale_R > 0)


def ranks_of(values_RP: np.ndarray) -> np.ndarray:
    """The rank of each value in its row, from 0; equal ones have the mean of their ranks. float64 [R, P]."""
    order_RP = np.argsort(values_RP, axis=1, kind='stable')
    sorted_RP = np.take_along_axis(values_RP, order_RP, axis=1)
    new_RP = np.ones(values_RP.shape, bool)
    new_RP[:, 1:] = sorted_RP[:, 1:] != sorted_RP[:, :-1]
    # Runs of equal values, numbered through all rows, each with the mean of its first and last place.
    run_N = np.cumsum(new_RP.reshape(-1)) - 1
    starts_G = np.flatnonzero(new_RP)
    sizes_G = np.diff(np.append(starts_G, new_RP.size))
    means_G = starts_G % values_RP.shape[1] + (sizes_G - 1) / 2
    ranks_RP = np.empty(values_RP.shape)
    np.put_along_axis(ranks_RP, order_RP, means_G[run_N].reshape(values_RP.shape), axis=1)
    return ranks_RP


def analogies(
    wv: Vectors, sections: dict[str, list[tuple[str, ...]]], *, most_frequent: int = MOST_FREQUENT, seed: int = 0
) -> list[Result]:
    """The share of right answers of each section, of the semantic and syntactic ones, and of all; see `evaluate`."""
    first = _first_of_lower_case(wv.words[:most_frequent])
    units_VD = np.asarray(wv.vectors_VD)[list(first.values())].astype(np.float32)
    norms_V = np.linalg.norm(units_VD, axis=1, keepdims=True)
    units_VD /= np.where(norms_V == 0, 1, norms_V)
    row = {word: i for i, word in enumerate(first)}
    right = {}
    for name, questions in sections.items():
        rows = [[row.get(word.lower(), -1) for word in question] for question in questions]
        rows_Q4 = np.array(rows, np.int64).reshape(-1, 4)
        right[name] = _answers(units_VD, rows_Q4[(rows_Q4 >= 0).all(axis=1)])
    syntactic = [name for name in sections if name.startswith('gram')]
    semantic = [name for name in sections if name not in syntactic]
    parts = {**{name: [name] for name in sections}, 'semantic': semantic, 'syntactic': syntactic, 'all': [*sections]}
    results = []
    for part, names in parts.items():
        right_Q = np.concatenate([np.zeros(0, bool), *map(right.get, names)])
        words = {word.lower() for name in names for question in sections[name] for word in question}
        total = sum(len(sections[name]) for name in names)
        value, low, high = (np.nan, np.nan, np.nan)
        if len(right_Q):
            value = right_Q.mean()
            # How many right ones a resample has is binomial.
            low, high = _interval(np.random.default_rng(seed).binomial(len(right_Q), value, RESAMPLES) / len(right_Q))
        unknown = sum(word not in row for word in words) / max(len(words), 1)
        results.append(Result('analogies', part, 'accuracy', float(value), low, high, len(right_Q), total, unknown))
    return results


def _answers(units_VD: np.ndarray, rows_Q4: np.ndarray) -> np.ndarray:
    """Whether the answer to each question is right, bool [Q]; in blocks of questions."""
    right_Q = np.zeros(len(rows_Q4), bool)
    for start in range(0, len(rows_Q4), BLOCK):
        a_B, b_B, c_B, wanted_B = rows_Q4[start : start + BLOCK].T
        cosines_BV = (units_VD[b_B] - units_VD[a_B] + units_VD[c_B]) @ units_VD.T
        for given_B in (a_B, b_B, c_B):
            cosines_BV[np.arange(len(given_B)), given_B] = -np.inf
        right_Q[start : start + BLOCK] = cosines_BV.argmax(axis=1) == wanted_B
    return right_Q


def _first_of_lower_case(words: Sequence[str]) -> dict[str, int]:
    """The first row of each word in lower case."""
    first: dict[str, int] = {}
    for i, word in enumerate(words):
        first.setdefault(word.lower(), i)
    return first


def _unit(vector_D: np.ndarray) -> np.ndarray:
    vector_D = np.asarray(vector_D, np.float32)
    norm = np.linalg.norm(vector_D)
    return vector_D / norm if norm else vector_D


def _interval(resampled_R: np.ndarray) -> tuple[float, float]:
    """The 95 % between them; resamples that have no value are left out."""
    finite_R = resampled_R[np.isfinite(resampled_R)]
    if not len(finite_R):
        return np.nan, np.nan
    low, high = np.quantile(finite_R, (0.025, 0.975))
    return float(low), float(high)
