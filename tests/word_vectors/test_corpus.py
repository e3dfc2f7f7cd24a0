"""A text in numbers."""

import pytest

from posbench.word_vectors import corpus


def sentences(split):
    return {'train': [['b', 'a', 'x'], ['x'], ['a', 'b', 'a']], 'test': [['y', 'b'], ['a']]}[split]


def test_frequent_words_come_first_and_others_are_left_out_before_a_sentence_begins():
    made = corpus.build(sentences, min_count=2, splits=('train', 'test'))
    assert made.words == ('a', 'b', 'x') and made.counts_V.tolist() == [3, 2, 2]
    assert made.tokens['train'].tolist() == [~1, 0, 2, ~2, ~0, 1, 0]
    assert made.tokens['test'].tolist() == [~1, ~0]
    assert made.read == {'train': 7, 'test': 3}


def test_a_fingerprint_tells_boundaries_apart():
    joined = corpus.build(
        lambda split: [[word for sentence in sentences(split) for word in sentence]],
        min_count=2,
        splits=('train', 'test'),
    )
    apart = corpus.build(sentences, min_count=2, splits=('train', 'test'))
    assert joined.fingerprint != apart.fingerprint
    assert apart.fingerprint == corpus.build(sentences, min_count=2, splits=('train', 'test')).fingerprint


def test_a_text_without_frequent_words_is_said_in_one_line():
    with pytest.raises(ValueError, match='min_count: got 4, which 0 of the 3 words') as error:
        corpus.build(sentences, min_count=4)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'boundary, wanted',
    [
        ('document', [['it’s', 'a', 'well-known', 'truth', 'he', 'said', 'so', 'did', 'i']]),
        ('line', [['it’s', 'a', 'well-known'], ['truth', 'he', 'said', 'so'], ['did', 'i']]),
        ('sentence', [['it’s', 'a', 'well-known', 'truth'], ['he', 'said', 'so'], ['did', 'i']]),
    ],
)
def test_boundaries(boundary, wanted):
    found = corpus.sentences_of(['It’s a well-known\ntruth!” He said so\n\nDid I?'], boundary)
    assert [[word.replace("'", '’') for word in sentence] for sentence in found] == [s for s in wanted if s]
