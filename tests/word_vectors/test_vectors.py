"""What is asked of word vectors, by hand; and every answer, and every file, beside gensim's."""

import pathlib
import warnings

import numpy as np
import pytest

from posbench import word_vectors
from posbench.word_vectors import FormatError, WordVectors, ngrams

# Two groups of words, a word that is all zeros, and a plane in which b - a + c is d.
WORDS = ['a', 'b', 'c', 'd', 'far', 'zero']
VECTORS = np.array([[2, 0, 0], [2, 1, 0], [0, 0, 3], [0, 1.5, 3], [0, -4, 0.5], [0, 0, 0]], np.float32)


@pytest.fixture
def wv():
    return WordVectors(WORDS, VECTORS)


def cosine(a, b) -> float:
    return float(np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))


def test_words_and_rows(wv):
    assert len(wv) == 6 and list(wv) == WORDS and wv.width == 3 and wv.index['c'] == 2
    assert wv['c'].tolist() == [0, 0, 3] and wv[['a', 'c']].shape == (2, 3) and wv[[]].shape == (0, 3)
    with pytest.raises(KeyError, match='no vector of 3 among'):
        wv[3]
    assert 'c' in wv and 'C' not in wv and 3 not in wv and wv.vector('C') is None
    assert repr(wv) == 'WordVectors(6 words, 3 numbers)'


def test_a_word_that_is_not_there_is_a_key_error_with_the_nearest(wv):
    for word, near in (
        ('C', 'c'),
        ('zeros', 'zero'),
        ('fra', 'far'),
        ('zreo', 'zero'),
        (' far', 'far'),
        ('qqqq', None),
    ):
        with pytest.raises(KeyError) as error:
            wv[word]
        assert error.value.args[0].endswith(f'did you mean {near!r}?' if near else 'among 6 words'), word


def test_the_nearest_of_many_is_one_letter_away_and_the_most_frequent():
    many = WordVectors(['cart', 'cat', *map(str, range(30_000))], np.ones((30_002, 1), np.float32))
    assert many.nearest('caart') == 'cart' and many.nearest('kat') == 'cat' and many.nearest('catr') == 'cart'
    assert many.nearest('catalogue') is None and many.nearest('cat' * 50) is None


def test_most_similar_is_the_cosine_with_the_mean_of_unit_vectors(wv):
    # Of words that are as near as others, the first.
    assert [word for word, _ in wv.most_similar('a', n=2)] == ['b', 'c']
    units = VECTORS[:5] / np.linalg.norm(VECTORS[:5], axis=1)[:, None]
    found = dict(wv.most_similar(['b', 'c'], ['a']))
    for i, word in enumerate(WORDS[3:5], 3):
        assert found[word] == pytest.approx(cosine(VECTORS[i], units[1] + units[2] - units[0]), abs=1e-6)
    assert set(found) == {'d', 'far', 'zero'} and wv.analogy('a', 'b', 'c', n=1)[0][0] == 'd'
    assert wv.most_similar(['b', 'c'], 'a') == wv.analogy('a', 'b', 'c')


def test_words_vectors_and_weights_are_the_same_question(wv):
    by_word = wv.most_similar(['b', 'c'], ['a'])
    assert wv.most_similar([('b', 1), ('c', 1.0), ('a', -1)]) == by_word
    assert wv.most_similar(negative=[('a', -1), ('b', 1), ('c', 1.0)]) == pytest.approx(by_word)
    # A vector is no word, so that its own word is found too.
    assert wv.most_similar(wv['a'] / 2, n=1) == [('a', pytest.approx(1))]
    assert wv.most_similar([(np.array([0, 0, 9.0]), 0.5)], n=1)[0][0] == 'c'
    heavy = dict(wv.most_similar([('a', 9), ('c', 0.1)]))
    assert heavy['b'] == pytest.approx(cosine(VECTORS[1], [9, 0, 0.1]), abs=1e-6)


def test_what_is_asked_wrongly_is_said(wv):
    with pytest.raises(ValueError, match='did you mean n=5'):
        wv.most_similar('a', 5)
    with pytest.raises(ValueError, match='got no word and no vector'):
        wv.most_similar([])
    with pytest.raises(ValueError, match='wanted a word or a vector of 3 finite numbers'):
        wv.most_similar([np.ones(2)])
    with pytest.raises(ValueError, match='wanted a word or a vector of 3 finite numbers'):
        wv.most_similar([3])
    with pytest.raises(KeyError, match="did you mean 'far'"):
        wv.most_similar(['far', 'fare'])
    assert wv.most_similar('a', n=0) == [] and len(wv.most_similar('a', n=99)) == 5


def test_similarity_and_what_does_not_match(wv):
    assert wv.similarity('b', 'd') == pytest.approx(cosine(VECTORS[1], VECTORS[3]), abs=1e-6)
    assert wv.similarity('a', 'zero') == 0 and wv.similarity('zero', 'zero') == 0
    assert wv.doesnt_match(['a', 'b', 'far']) == 'far'
    with pytest.warns(UserWarning, match="no vector of 'nope'"):
        assert wv.doesnt_match(['a', 'b', 'nope', 'far']) == 'far'
    with pytest.warns(UserWarning), pytest.raises(ValueError, match='got no word that has a vector'):
        wv.doesnt_match(['nope'])


def test_normalised_vectors_are_made_once_and_zeros_stay(wv):
    assert wv.normalised_VD is wv.normalised_VD and wv.norms_V is wv.norms_V
    np.testing.assert_allclose(np.linalg.norm(wv.normalised_VD, axis=1), [1, 1, 1, 1, 1, 0], rtol=1e-6)


def test_vectors_cannot_be_written_through(wv):
    for rows in (wv.vectors_VD, wv.normalised_VD, wv['a']):
        with pytest.raises(ValueError, match='read-only'):
            rows[0] = 1
    VECTORS[5] += 0  # Those that were given still can.


def test_what_are_no_word_vectors_is_said():
    with pytest.raises(ValueError, match="got the word 'a' twice"):
        WordVectors(['a', 'b', 'a'], np.ones((3, 2), np.float32))
    for wrong in (np.ones((2, 2)), np.ones((3, 2), np.float32), np.ones(2, np.float32)):
        with pytest.raises(ValueError, match=r'wanted float32 \[V, D\] of 2 words'):
            WordVectors(['a', 'b'], wrong)


def test_unknown_words_are_made_of_n_grams():
    table_BD = np.eye(50, dtype=np.float32)
    grams = ngrams.NGrams(table_BD, np.ones((1, 50), np.float32), 3, 3)
    wv = WordVectors(['abc'], grams.compose(['abc']), grams)
    # <ab, abc, bc> and the word itself.
    assert wv['abc'].sum() == pytest.approx((50 + 3) / 4)
    assert wv['abd'].sum() == pytest.approx(1) and 'abd' in wv and 'abd' not in wv.index
    # Nothing has n-grams of three characters that is '<>'.
    assert wv.vector('') is None and '' not in wv
    assert [word for word, _ in wv.most_similar('abd')] == ['abc'] and -1 <= wv.similarity('abd', 'abc') <= 1


# Everything below is beside gensim.


@pytest.fixture(scope='module')
def gensim():
    # requirements-dev.txt has it.
    return pytest.importorskip('gensim')


def fixture(gensim, name: str) -> pathlib.Path:
    return pathlib.Path(gensim.__file__).parent / 'test' / 'test_data' / name


def theirs(gensim, path, kind: str, encoding='utf-8', errors='strict'):
    if kind == 'model':
        from gensim.models.fasttext import load_facebook_vectors

        return load_facebook_vectors(str(path), encoding=encoding)
    return gensim.models.KeyedVectors.load_word2vec_format(
        str(path), binary=kind == 'binary', no_header=kind == 'glove', encoding=encoding, unicode_errors=errors
    )


# All of gensim's own that are vectors: how it reads each, and what it has to be told of the words.
FIXTURES = {
    'EN.1-10.cbow1_wind5_hs0_neg10_size300_smpl1e-05.txt': ('text', {}),
    'IT.1-10.cbow1_wind5_hs0_neg10_size300_smpl1e-05.txt': ('text', {}),
    'high_precision.kv.txt': ('text', {}),
    'word2vec_pre_kv_c': ('text', {}),
    'w2v_keyedvectors_load_test.modeldata': ('text', {'errors': 'ignore'}),
    'crime-and-punishment.vec': ('text', {}),
    'lee_fasttext.vec': ('text', {}),
    'toy-model.vec': ('text', {}),
    'pang_lee_polarity_fasttext.vec': ('text', {'encoding': 'latin-1'}),
    'euclidean_vectors.bin': ('binary', {}),
    'high_precision.kv.bin': ('binary', {}),
    'poincare_vectors.bin': ('binary', {}),
    'test_glove.txt': ('glove', {}),
    'crime-and-punishment.bin': ('model', {}),
    'lee_fasttext.bin': ('model', {}),
    'lee_fasttext_new.bin': ('model', {}),
    'toy-model.bin': ('model', {}),
    'toy-model-pretrained.bin': ('model', {}),
    'non_ascii_fasttext.bin': ('model', {}),
    'cp852_fasttext.bin': ('model', {'encoding': 'cp852'}),
}
# And those that look like some.
REFUSED = {
    'pretrained.vec': 'the file ends after 1 words; line 1 says 3',
    'pang_lee_polarity_fasttext.bin': 'a supervised model',
    'w2v_keyedvectors_load_test.modeldata': 'is not UTF-8',
    'reproduce.dat.gz': 'got a NUL',
    'word2vec_old_sep.syn1neg.npy': 'an array of NumPy',
    'model-from-gensim-3.8.0.w2v': 'a pickle',
    'ft_kv_3.6.0.model.gz': 'a pickle',
    'varembed_morfessor.bin': 'a pickle',
}


@pytest.mark.parametrize('name', FIXTURES)
def test_the_vectors_of_every_fixture_are_gensims(gensim, name):
    kind, told = FIXTURES[name]
    path = fixture(gensim, name)
    ours, its = word_vectors.load(path, **told), theirs(gensim, path, kind, **told)
    assert ours.words == its.index_to_key
    # The end of a sentence has no n-grams in fastText itself, as the next test shows.
    rows = [i for i, word in enumerate(ours.words) if kind != 'model' or word != '</s>' or name == 'lee_fasttext.bin']
    assert len(rows) >= len(ours) - 1 and ours.vectors_VD[rows].tobytes() == its.vectors[rows].tobytes()
    if kind == 'model':
        for word in ('landlord', 'ночь', '猫', 'Ünïcode', 'x', 'a' * 50):
            assert ours[word].tobytes() == its[word].tobytes()


@pytest.mark.parametrize('name', ['crime-and-punishment', 'lee_fasttext', 'toy-model'])
def test_the_vectors_of_a_model_are_those_that_fasttext_printed(gensim, name):
    of_model, of_text = (word_vectors.load(fixture(gensim, name + ending)) for ending in ('.bin', '.vec'))
    assert ('</s>' in of_text or name == 'toy-model') and of_model.words == of_text.words
    # Five digits were printed.
    np.testing.assert_allclose(of_model.vectors_VD, of_text.vectors_VD, rtol=6e-5, atol=1e-6)


@pytest.mark.parametrize('name', REFUSED)
def test_fixtures_that_are_no_vectors_are_refused(gensim, name):
    with pytest.raises(FormatError, match=REFUSED[name]):
        word_vectors.load(fixture(gensim, name))


@pytest.mark.parametrize('name', [name for name, (kind, _) in FIXTURES.items() if kind != 'model'])
@pytest.mark.parametrize(
    'format, kind', {'word2vec_text': 'text', 'word2vec_binary': 'binary', 'glove': 'glove'}.items()
)
def test_gensim_reads_what_is_written_and_writes_the_same_bytes(gensim, tmp_path, name, format, kind):
    ours = word_vectors.load(fixture(gensim, name), **FIXTURES[name][1])
    ours.save(tmp_path / 'ours', format)
    its = theirs(gensim, tmp_path / 'ours', kind)
    assert its.index_to_key == ours.words and its.vectors.tobytes() == ours.vectors_VD.tobytes()
    its.save_word2vec_format(str(tmp_path / 'theirs'), binary=kind == 'binary', write_header=kind != 'glove')
    assert (tmp_path / 'theirs').read_bytes() == (tmp_path / 'ours').read_bytes()
    ours.save(tmp_path / 'ours.vec')
    assert theirs(gensim, tmp_path / 'ours.vec', 'text').vectors.tobytes() == ours.vectors_VD.tobytes()


@pytest.mark.parametrize('name', [name for name, (kind, _) in FIXTURES.items() if kind == 'model'] + ['toy-model.vec'])
def test_gensim_reads_the_models_that_are_written(gensim, tmp_path, name):
    ours = word_vectors.load(fixture(gensim, name), **FIXTURES[name][1])
    ours.save(tmp_path / 'ours.bin', 'fasttext_bin')
    its = theirs(gensim, tmp_path / 'ours.bin', 'model')
    rows = [i for i, word in enumerate(ours.words) if word != '</s>']
    assert its.index_to_key == ours.words and its.vectors[rows].tobytes() == ours.vectors_VD[rows].tobytes()
    again = word_vectors.load(tmp_path / 'ours.bin')
    assert again.vectors_VD.tobytes() == ours.vectors_VD.tobytes()
    for word in ('landlord', 'ночь') if ours.ngrams else ():
        assert again[word].tobytes() == ours[word].tobytes() == its[word].tobytes()


def test_models_that_gensim_writes_are_read(gensim, tmp_path):
    from gensim.models.fasttext import FastText, save_facebook_model

    sentences = [['über', 'der', 'straße'], ['der', 'hund'], ['über', '猫']] * 5
    trained = FastText(sentences, vector_size=6, min_count=1, bucket=40, min_n=2, max_n=4, epochs=2, workers=1)
    save_facebook_model(trained, str(tmp_path / 'theirs.bin'))
    ours = word_vectors.load(tmp_path / 'theirs.bin')
    assert ours.words == trained.wv.index_to_key and ours.vectors_VD.tobytes() == trained.wv.vectors.tobytes()
    assert ours['unbekannt'].tobytes() == trained.wv['unbekannt'].tobytes()


@pytest.mark.parametrize('name', ['test_glove.txt', 'euclidean_vectors.bin', 'lee_fasttext.bin'])
def test_answers_are_gensims(gensim, name):
    kind, told = FIXTURES[name]
    path = fixture(gensim, name)
    ours, its = word_vectors.load(path, **told), theirs(gensim, path, kind, **told)
    words = ours.words[::7][:30] + (['unseen', 'nächte'] if kind == 'model' else [])
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b, c, d = rng.choice(words, 4, replace=False)
        vector_D = rng.normal(size=ours.width).astype(np.float32)
        for positive, negative in (
            ([a], []), ([a, b], [c]), ([(a, 0.3), b], [(c, -2.0), d]), ([vector_D, a], [b]), ([], [a]), (a, b)
        ):  # fmt: skip
            same(ours.most_similar(positive, negative), its.most_similar(positive, negative))
        same(ours.analogy(a, b, c, n=3), its.most_similar([b, c], [a], topn=3))
        assert ours.similarity(a, b) == pytest.approx(float(its.similarity(a, b)), abs=2e-7)
        assert ours.doesnt_match([a, b, c, d]) == its.doesnt_match([a, b, c, d])
    np.testing.assert_array_equal(ours.normalised_VD, its.get_normed_vectors())


def same(ours: list, its: list) -> None:
    """Words in the same order, and cosines but for their last bit."""
    assert [word for word, _ in ours] == [word for word, _ in its]
    np.testing.assert_allclose([cosine for _, cosine in ours], [cosine for _, cosine in its], rtol=0, atol=2e-7)


def test_gensim_says_nothing_where_posbench_refuses(gensim, tmp_path):
    """Why there are readers of our own: what gensim 4.4 makes of these."""
    path = tmp_path / 'vectors'

    def both(data: bytes):
        path.write_bytes(data)
        with pytest.raises(FormatError):
            word_vectors.load(path)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            return theirs(gensim, path, 'text')

    assert np.isnan(both(b'2 2\na 1 nan\nb 1 2\n')['a']).any()
    assert both(b'2 2\na 1_0 2\nb 1 2\n')['a'][0] == 10
    assert both(b'2 2\na 1 2\na 3 4\n').vectors.tolist() == [[1, 2], [0, 0]]
    assert len(both(b'1 2\na 1 2\nb 3 4\n')) == 1
