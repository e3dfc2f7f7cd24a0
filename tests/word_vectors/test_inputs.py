"""The rows that a word's vector is the mean of."""

import jax
import jax.numpy as jnp
import numpy as np

from posbench.word_vectors import inputs

WORDS = ('where', 'her', 'naïve', 'a', '你好', 'banana')
# gensim 4.4.0: `ft_ngram_hashes(word, 3, 4, 1000)` of gensim.models.fasttext.
GOLDEN = {
    'where': [652, 715, 941, 621, 420, 811, 33, 469, 498],
    'her': [580, 330, 420, 62, 840],
    'naïve': [890, 692, 546, 404, 832, 7, 570, 548, 654],
    'a': [600],
    '你好': [985, 781, 495],
    'banana': [126, 328, 270, 821, 141, 217, 850, 953, 141, 505, 562],
}


def test_the_buckets_of_a_word_are_those_of_gensim():
    table = inputs.subwords(WORDS, 3, 4, 1000)
    for i, word in enumerate(WORDS):
        own, *others = table.row_F[table.first_V[i] : table.first_V[i + 1]]
        assert own == i
        assert [int(table.bucket_U[row - len(WORDS)]) for row in others] == GOLDEN[word]


def test_a_word_is_the_mean_of_its_rows_and_so_is_one_that_nobody_knew():
    table = inputs.subwords(WORDS, 3, 4, 1000)
    rows_RD = np.random.default_rng(0).normal(size=(table.rows, 5)).astype(np.float32)
    ids = np.array([[5, 1, 5], [0, 3, 4]])
    got = jax.jit(lambda table, rows_RD, ids: table.vectors(rows_RD, ids))(table, rows_RD, ids)
    of_word = [rows_RD[table.row_F[table.first_V[i] : table.first_V[i + 1]]].mean(0) for i in range(len(WORDS))]
    np.testing.assert_allclose(got, np.array(of_word)[ids], rtol=1e-5, atol=1e-6)
    result = inputs.result(table, rows_RD, WORDS)
    np.testing.assert_allclose(result.vectors_VD, of_word, rtol=1e-5, atol=1e-6)
    # <he, her, er>, <her, her> all are n-grams of words that are known.
    known = dict(zip(table.bucket_U.tolist(), rows_RD[len(WORDS) :]))
    np.testing.assert_allclose(
        result.ngrams.vector('her'), np.mean([known[bucket] for bucket in GOLDEN['her']], axis=0), rtol=1e-5
    )
    assert jnp.isfinite(result.ngrams.vector('unheard')).all()
