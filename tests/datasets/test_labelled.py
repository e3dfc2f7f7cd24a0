"""`labelled.load`: documents with a class each, and the chapters of the novels that are held out."""

import re

import numpy as np
import pytest
import tensorflow_datasets as tfds

from posbench.datasets import DatasetError, austen, labelled, sources, tokenised
from tests.datasets import test_registered
from tests.datasets.test_tokenizers import word_piece

DOCUMENTS = {
    'train': [('the cat sat on the mat. ' * 9, 0), ('a dog, naïve 😀', 1), ('the cat', 0)],
    'validation': [('a dog sat', 1), ('a cat', 0)],
    'test': [('the end', 1)],
}


@pytest.fixture
def few(monkeypatch):
    """A dataset of three short documents in the place of the novels."""

    def find(data_dir):
        return sources.LabelledSource(
            fingerprint=repr(DOCUMENTS),
            sizes={split: len(documents) for split, documents in DOCUMENTS.items()},
            documents=lambda split: (text for text, _ in DOCUMENTS[split]),
            classes=('cats', 'dogs'),
            labels=lambda split: [label for _, label in DOCUMENTS[split]],
        )

    monkeypatch.setitem(labelled.SOURCES, 'austen', find)


@pytest.fixture(scope='module')
def novels(tmp_path_factory):
    return labelled.load('austen', tokenizer='bytes', data_dir=tmp_path_factory.mktemp('data'), quiet=True)


def texts(data, split):
    """The documents of a split, decoded."""
    pairs = zip(data.starts[split], data.ends[split])
    return [data.tokenizer.decode(data.tokens[split][start:end]) for start, end in pairs]


@pytest.mark.parametrize('tokenizer', ['bytes', 'characters', 'bpe'])
def test_every_document_stands_between_its_start_and_its_end_with_its_label(few, tmp_path, tokenizer):
    data = labelled.load('austen', tokenizer=tokenizer, vocabulary=280, data_dir=tmp_path, quiet=True)
    for split, documents in DOCUMENTS.items():
        written = [data.tokenizer.decode(data.tokenizer.encode(text)) for text, _ in documents]
        assert texts(data, split) == written
        assert data.labels[split].tolist() == [label for _, label in documents]
        tokens_N = data.tokens[split]
        assert tokens_N.dtype == data.labels[split].dtype == np.int32 and not tokens_N.flags.writeable
        assert np.flatnonzero(tokens_N == data.tokenizer.end_of_document).tolist() == data.ends[split].tolist()
    assert data.classes == ('cats', 'dogs') and data.vocabulary == data.tokenizer.vocabulary


def test_a_published_tokenizer_is_read_from_its_file(few, tmp_path):
    options = dict(tokenizer='file', data_dir=tmp_path, quiet=True)
    data = labelled.load('austen', tokenizer_file=word_piece(tmp_path), **options)
    assert data.tokens['test'].tolist() == [4, 1, 3]
    assert (data.vocabulary, data.tokenizer.before, data.tokenizer.after) == (16, (2,), (3,))
    assert texts(data, 'validation') == ['a [UNK] sat', 'a cat']
    other = labelled.load('austen', tokenizer_file=word_piece(tmp_path, end='</s>'), **options)
    assert other.fingerprint != data.fingerprint
    with pytest.raises(DatasetError, match="needs the tokenizer 'file'"):
        labelled.load('austen', tokenizer_file=word_piece(tmp_path), data_dir=tmp_path)


def test_documents_come_from_the_cache_the_second_time(few, tmp_path, monkeypatch):
    first = labelled.load('austen', data_dir=tmp_path, quiet=True, vocabulary=280)
    monkeypatch.setattr(tokenised, '_build', None)
    second = labelled.load('austen', data_dir=tmp_path, quiet=True, vocabulary=280)
    assert second.fingerprint == first.fingerprint and texts(second, 'train') == texts(first, 'train')
    assert second.labels['train'].tolist() == [0, 1, 0]


def test_the_tokenizer_learns_from_train_alone(few, tmp_path, monkeypatch):
    before = labelled.load('austen', data_dir=tmp_path, quiet=True, vocabulary=280).tokenizer.to_json()
    for split in ('validation', 'test'):
        monkeypatch.setitem(DOCUMENTS, split, [('quite other words ' * 100, 0)])
    assert labelled.load('austen', data_dir=tmp_path, quiet=True, vocabulary=280).tokenizer.to_json() == before


def test_an_unknown_dataset_is_answered_with_the_nearest(tmp_path):
    for typo, meant in (('austin', 'austen'), ('movie_snippet', 'movie_snippets'), ('imdb_review', 'imdb_reviews')):
        with pytest.raises(DatasetError, match=f"Unknown dataset '{typo}'; did you mean '{meant}'"):
            labelled.load(typo, data_dir=tmp_path)
    with pytest.raises(DatasetError, match="label_feature='stars' needs a TFDS dataset, got 'austen'"):
        labelled.load('austen', label_feature='stars', data_dir=tmp_path)


def test_some_documents_of_a_split_stay_in_their_order_and_teach_the_tokenizer(few, tmp_path):
    data = labelled.load('austen', tokenizer='characters', train_documents=2, data_dir=tmp_path, quiet=True)
    # i * 0x9E3779B97F4A7C15 mod 2^64 is least for 0, then for 2 of three.
    assert texts(data, 'train') == [DOCUMENTS['train'][i][0] for i in (0, 2)]
    assert data.labels['train'].tolist() == [0, 0] and len(data.labels['validation']) == 2
    assert 'ï' not in data.tokenizer.alphabet
    everything = labelled.load('austen', tokenizer='characters', data_dir=tmp_path, quiet=True)
    assert everything.fingerprint != data.fingerprint
    with pytest.raises(DatasetError, match='validation_documents=3: there are 2 documents of validation'):
        labelled.load('austen', validation_documents=3, data_dir=tmp_path, quiet=True)


def test_a_prepared_dataset_of_tfds_is_read_by_its_features(tmp_path, monkeypatch):
    monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path / 'default'))
    tfds.display_progress_bar(False)
    config = tfds.download.DownloadConfig(try_download_gcs=False)
    builder = test_registered.PosbenchReviews(data_dir=tmp_path, file_format='array_record')
    builder.download_and_prepare(download_config=config)
    options = dict(text_feature='title', label_feature='stars', tokenizer='bytes', data_dir=tmp_path, quiet=True)
    data = labelled.load('posbench_reviews', **options)
    assert data.classes == ('one', 'two', 'three')
    for split in data.tokens:
        numbers = [int(text.removeprefix('train title ')) for text in texts(data, split)]
        assert data.labels[split].tolist() == [number % 3 for number in numbers]


def test_every_tenth_chapter_is_test_and_the_one_between_two_of_them_validation(novels):
    held_out = {split: [] for split in ('train', 'validation', 'test')}
    for label, title in enumerate(novels.classes):
        for number, chapter in enumerate(austen.chapters(austen.novel(title)), start=1):
            split = 'test' if number % 10 == 0 else 'validation' if number % 10 == 5 else 'train'
            held_out[split].append((austen.prose(chapter), label))
    for split, wanted in held_out.items():
        assert list(zip(texts(novels, split), novels.labels[split].tolist())) == wanted
        assert set(novels.labels[split].tolist()) == set(range(6)), 'every novel is in every split'
    assert {split: len(chapters) for split, chapters in held_out.items()} == dict(train=217, validation=27, test=25)


def test_no_line_of_a_chapter_is_in_two_splits_but_for_what_people_often_say(novels):
    lines = {split: {line for text in texts(novels, split) for line in text.split('\n')} for split in novels.tokens}
    for one, other in (('train', 'validation'), ('train', 'test'), ('validation', 'test')):
        assert max(map(len, lines[one] & lines[other]), default=0) < 40, lines[one] & lines[other]


def test_nothing_of_a_chapter_but_its_prose_gives_the_novel_away(novels):
    for split in novels.tokens:
        for label, text in zip(novels.labels[split], texts(novels, split)):
            title = novels.classes[label].replace('_', ' ').upper()
            assert title not in text
            assert not re.search(r'\n\n|  |_|^\s|\s$', text)
            outside = r'^(CHAPTER|VOLUME)\b|^(THE END|FINIS)$|by Jane Austen|end (of )?volume|volume \w+ end'
            found = re.search(outside, text, re.MULTILINE | re.IGNORECASE)
            assert not found, found
            # The prose is whole sentences, from its first letter to its last full stop.
            assert text[0].isupper() or text[0] == '"'
            assert text[-1] in '.!?"\'', text[-80:]


def test_prose_is_the_chapter_without_its_heading_and_its_typesetting():
    chapter = (
        'EMMA\n\nBy Jane Austen\n\n\nVOLUME I\n\n\n\nCHAPTER I\n\n\n_She_ was\nyoung.  Yes.\n\n"So it is."\n\n\nFINIS'
    )
    assert austen.prose(chapter) == 'She was young. Yes.\n"So it is."'
    assert austen.prose('Chapter 12\n\nWe went.\n\n(End of volume one.)\n\n\n') == 'We went.'
