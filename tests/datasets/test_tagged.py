"""Tagged sentences: the Brown corpus, its tags made fewer, and its words as ids."""

import numpy as np
import pytest

from posbench.datasets import DatasetError, brown, packages, tagged, wordlist

SENTENCE = "\n\n\tThe/at-tl dog/nn can't/md* bark/vb ./.\n\n\n\tHe's/pps+bez a/at-hl dog/nn\n"


@pytest.fixture
def ten_documents(tmp_path, monkeypatch):
    """Ten documents in the place of the 500: the fifth is validation, the tenth the test."""
    for number in range(1, 11):
        text = SENTENCE if number not in (5, 10) else f'The/at cat{number}/nn-nc runs/vbz quoi/fw-wdt ./.'
        (tmp_path / f'ca{number:02}').write_text(text, 'ascii')
    (tmp_path / 'cats.txt').write_text('ca01 news\n')
    monkeypatch.setattr(packages, 'fetch', lambda name, data_dir: tmp_path)
    return tmp_path


def words_and_tags(data, split):
    spelled = data.tokenizer.spelled
    for start, end in zip(data.starts[split], data.ends[split]):
        yield [
            f'{spelled[i]}/{data.classes[t]}' for i, t in zip(data.tokens[split][start:end], data.tags[split][start:])
        ]


def test_every_word_of_a_sentence_stands_with_its_tag_between_its_start_and_its_end(ten_documents):
    data = tagged.load(data_dir=ten_documents)
    assert list(words_and_tags(data, 'train')) == 8 * [
        ['The/DET', 'dog/NOUN', "can't/VERB", 'bark/VERB', './.'],
        ["He's/PRON", 'a/DET', 'dog/NOUN'],
    ]
    assert list(words_and_tags(data, 'validation')) == [['The/DET', '<unk>/NOUN', '<unk>/VERB', '<unk>/X', './.']]
    for split in data.tokens:
        tokens_N, tags_N = data.tokens[split], data.tags[split]
        assert tokens_N.dtype == tags_N.dtype == np.int32 and not tokens_N.flags.writeable
        ends = np.flatnonzero(tokens_N == data.tokenizer.end_of_document).tolist()
        assert ends == np.flatnonzero(tags_N == -1).tolist() == data.ends[split].tolist()
    assert data.classes == ('.', 'DET', 'NOUN', 'PRON', 'VERB', 'X')
    assert data.tokenizer.words[0] == 'dog' and data.vocabulary == len(data.tokenizer.words) + 2


def test_options_change_the_words_and_tags_that_they_name(ten_documents):
    plain = tagged.load(data_dir=ten_documents)
    lower = tagged.load(data_dir=ten_documents, lowercase=True)
    assert next(words_and_tags(lower, 'test'))[0] == 'the/DET'
    own = tagged.load(data_dir=ten_documents, tags='brown')
    assert next(words_and_tags(own, 'test')) == ['The/at', '<unk>/nn', '<unk>/vbz', '<unk>/fw', './.']
    assert own.classes == ('.', 'at', 'fw', 'md', 'nn', 'pps', 'vb', 'vbz')
    few = tagged.load(data_dir=ten_documents, min_count=16)
    assert few.tokenizer.words == ['dog']
    assert len({data.fingerprint for data in (plain, lower, own, few)}) == 4
    with pytest.raises(DatasetError, match='No word of train stands there min_count=17 times'):
        tagged.load(data_dir=ten_documents, min_count=17)


def test_the_second_time_nothing_is_read_again(ten_documents, monkeypatch):
    first = tagged.load(data_dir=ten_documents)
    monkeypatch.setattr(tagged, '_build', None)
    assert tagged.load(data_dir=ten_documents).fingerprint == first.fingerprint


def test_an_unknown_dataset_is_answered_with_the_nearest():
    with pytest.raises(DatasetError, match=r"'browne'; did you mean 'brown'\? There are \['brown'\]"):
        tagged.load('browne')


@pytest.mark.parametrize(
    'written, base, part',
    [
        ('nn', 'nn', 'NOUN'),
        ('np$-tl', 'np$', 'NOUN'),
        ('jj-tl-hl', 'jj', 'ADJ'),
        ('pp$', 'pp$', 'DET'),
        ('*', '*', 'ADV'),
        ('*-hl', '*', 'ADV'),
        ('dod*-tl', 'dod', 'VERB'),
        ('wdt+ber+pp', 'wdt', 'DET'),
        ('ppss+ber-n', 'ppss', 'PRON'),
        ('fw-in+at-t', 'fw', 'X'),
        ('---hl', '--', '.'),
        ("''", "''", '.'),
    ],
)
def test_tags_are_made_fewer_by_rule(written, base, part):
    assert (brown.base_tag(written), brown.universal(brown.base_tag(written))) == (base, part)


def test_a_text_is_cut_as_the_corpus_is():
    words = wordlist.WordList(['Mr.', 'U.S.', "don't", 'he', 'well-known', '.', '``', "''"], lowercase=False)
    text = '“I don’t know,” Mr. Smith said—(he, from the U.S.) "a well-known 3.5%... why?"'
    assert words.segment(text) == [
        '``', 'I', "don't", 'know', ',', "''", 'Mr.', 'Smith', 'said', '--', '(', 'he', ',', 'from', 'the', 'U.S.', ')',
        '``', 'a', 'well-known', '3.5%', '.', '.', '.', 'why', '?', "''",
    ]  # fmt: skip
    assert words.decode(words.encode('He, Mr. he')) == '<unk> <unk> Mr. he'
    lower = wordlist.WordList.from_json(wordlist.WordList(['mr.', 'he'], lowercase=True).to_json())
    assert lower.encode('HE Mr. x').tolist() == [1, 0, lower.unknown] and lower.segment('') == []


@pytest.mark.fetches
def test_the_whole_corpus_has_the_sentences_words_and_tags_that_are_known_of_it(tmp_path):
    data = tagged.load(tags='brown', data_dir=tmp_path)
    assert sum(len(starts_D) for starts_D in data.starts.values()) == brown.SENTENCES
    assert sum(int((tags_N >= 0).sum()) for tags_N in data.tags.values()) == brown.WORDS
    assert len(data.classes) == 93
    assert {split: len(starts_D) for split, starts_D in data.starts.items()} == dict(
        train=45829, validation=5869, test=5642
    )
    assert data.vocabulary == 26_700
    assert {brown.universal(tag) for tag in data.classes} == set(brown.UNIVERSAL)
