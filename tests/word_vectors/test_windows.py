"""Stretches of a text, what stays of them, and windows."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench.word_vectors import corpus, windows
from tests.word_vectors import small


def drawn(text, step, block=8, reach=3):
    batch = jax.jit(windows.batch)(text, jnp.int32(5), jnp.int32(step))
    return small.windows_of(text, batch, block, reach)


def epoch(text, block=8, reach=3):
    return [drawn(text, step, block, reach) for step in range(text.steps)]


def test_an_epoch_reads_every_word_once_and_windows_stay_in_their_sentences():
    """Of a text of which all stays: the windows are those of the list of sentences, but for what a row cuts."""
    made = small.text()
    text = windows.cut(made, 'train', None, rows=2, row=32)
    ids = {word: i for i, word in enumerate(made.words)}
    near = set()
    for sentence in small.sentences('train'):
        numbers = [ids[word] for word in sentence if word in ids]
        near |= {(a, b) for t, a in enumerate(numbers) for b in numbers[max(t - 3, 0) : t] + numbers[t + 1 : t + 4]}
    seen = np.zeros(len(made.words), int)
    for found in epoch(text):
        center_BT, context_BC, inside_BTC = map(np.asarray, found[:3])
        for b, t, c in np.argwhere(inside_BTC):
            assert (center_BT[b, t], context_BC[b, c]) in near
        # Words that have no neighbour are no centers that show.
        seen += np.bincount(center_BT[inside_BTC.any(2)], minlength=len(seen))
    assert (seen <= made.counts_V).all() and seen.sum() > 0.8 * made.counts_V.sum()
    assert (text.stop_Q[:-1] == text.start_Q[1:]).all() and text.stop_Q[-1] == len(made.tokens['train'])


def test_a_window_reaches_as_far_as_it_drew_and_each_reach_is_as_likely():
    tokens = {'train': np.arange(4000, dtype=np.int32) % 7}
    tokens['train'][0] = ~0
    one = corpus.Corpus(tuple('abcdefg'), np.full(7, 600), tokens, {'train': 4000})
    reaches = []
    for found in epoch(windows.cut(one, 'train', None, rows=1, row=512), reach=4):
        for inside_TC in np.asarray(found.inside_BTC):
            for t, inside_C in enumerate(inside_TC):
                offsets = np.flatnonzero(inside_C) - 4 - t
                if len(offsets):
                    reaches.append(np.abs(offsets).max())
                    # Both sides alike, but at the ends of a row.
                    assert set(np.abs(offsets)) == set(range(1, reaches[-1] + 1))
    share = np.bincount(reaches, minlength=5)[1:] / len(reaches)
    assert np.abs(share - 0.25).max() < 0.04


def test_frequent_words_stay_as_often_as_word2vec_lets_them():
    made = small.text()
    text = windows.cut(made, 'train', 0.05, rows=2, row=32)
    count_V = np.zeros(len(made.words))
    for found in [drawn(text, step) for step in range(20 * text.steps)]:
        there = np.asarray(found.inside_BTC).any(2)
        count_V += np.bincount(np.asarray(found.center_BT)[there], minlength=len(count_V))
    f_V = made.counts_V / made.counts_V.sum()
    kept_V = np.minimum(np.sqrt(0.05 / f_V) + 0.05 / f_V, 1)
    np.testing.assert_allclose(text.kept_V, kept_V, rtol=1e-6)
    got_V = count_V / count_V.sum()
    wanted_V = f_V * kept_V / (f_V * kept_V).sum()
    # The rest is words that have no neighbour left.
    assert np.abs(got_V - wanted_V).max() < 0.01


def test_halos_are_added_to_the_words_that_they_are():
    rng = np.random.default_rng(0)
    x_BCD = rng.normal(size=(6, 4 + 2 * 2, 3)).astype(np.float32)
    wanted = np.zeros((2, 12 + 4, 3))
    for b in range(6):
        wanted[b // 3, b % 3 * 4 : b % 3 * 4 + 8] += x_BCD[b]
    got = windows.add_halos(jnp.asarray(x_BCD), 2, 2)
    np.testing.assert_allclose(got, wanted[:, 2:-2].reshape(6, 4, 3), rtol=1e-6)


def test_rows_are_full_but_for_a_margin():
    long = dataclasses.replace(small.text(), tokens={'train': np.tile(small.text().tokens['train'], 20)})
    text = windows.cut(long, 'train', 0.05, rows=2, row=256)
    filled = [np.asarray(found.inside_BTC).any(2).mean() for found in epoch(text)[:-1]]
    assert 0.8 < np.mean(filled) < 1


def test_a_split_without_words_is_said():
    empty = dataclasses.replace(small.text(), tokens={'train': np.zeros(0, np.int32)})
    with pytest.raises(ValueError, match='without a word of the vocabulary'):
        windows.cut(empty, 'train', None, rows=1, row=8)
