"""Short texts rated by people: their classes, and groups of them that no two splits share."""

import collections
import io
import re
import tarfile

import pytest

from posbench.datasets import DatasetError, labelled, packages, rated

# Reviews 1 and 3 say the same once; so do 5 and 7, by other punctuation. 6_1 is of neither class.
ROWS = """1_1\t-0.9\tNot  &amp; never.
1_2\t0.25\tWow!
2_1\t1.5\tFine
3_1\t3\twow
3_2\t-2.5\tLeft the room
5_1\t-1\tIt's over
6_1\t0.0\tA table.
7_1\t-1\t"it's" OVER!
"""


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """A package that holds a few rows in the place of the real one."""

    def fetch(name, data_dir):
        assert (name, data_dir) == ('vaderSentiment', tmp_path)
        data = ('\N{ZERO WIDTH NO-BREAK SPACE}' + ROWS.replace('\n', '\r\n')).encode()
        with tarfile.open(tmp_path / rated.ARCHIVE, 'w:gz') as opened:
            entry = tarfile.TarInfo('hutto_ICWSM_2014/amazonReviewSnippets_GroundTruth.txt')
            entry.size = len(data)
            opened.addfile(entry, io.BytesIO(data))
        return tmp_path

    monkeypatch.setattr(packages, 'fetch', fetch)
    return tmp_path


def everything(source):
    return [
        (text, label, split)
        for split in ('train', 'validation', 'test')
        for text, label in zip(source.documents(split), source.labels(split))
    ]


def test_the_class_is_the_sign_of_the_mean_rating_and_zero_is_left_out(archive):
    found = {text: label for text, label, _ in everything(rated.find('amazon_snippets', archive))}
    assert found == {
        'Not & never.': 0,
        'Wow!': 1,
        'Fine': 1,
        'wow': 1,
        'Left the room': 0,
        "It's over": 0,
        '"it\'s" OVER!': 0,
    }


def test_sentences_of_a_review_and_equal_ones_are_in_one_split(archive, monkeypatch):
    texts = [(line.split('\t')[0], line.split('\t')[2]) for line in ROWS.splitlines()]
    assert rated._groups(texts) == ['1_1', '1_1', '2_1', '1_1', '1_1', '5_1', '6_1', '5_1']
    # SHA-256 of '1_1' begins with 551e8b15, of '2_1' with 420cf951, of '5_1' with e2af2ac4: 5, 3 and 4 mod 10.
    monkeypatch.setattr(rated, 'HELD_OUT', {3: 'validation', 4: 'test'})
    splits = {text: split for text, _, split in everything(rated.find('amazon_snippets', archive))}
    assert splits.pop('Fine') == 'validation'
    assert splits.pop("It's over") == splits.pop('"it\'s" OVER!') == 'test'
    assert set(splits.values()) == {'train'}


@pytest.mark.fetches
def test_the_real_sets_share_no_text_between_splits(tmp_path):
    counted = {}
    for name in rated.SETS:
        source = rated.find(name, tmp_path)
        found = everything(source)
        where = collections.defaultdict(set)
        for text, _, split in found:
            where[' '.join(re.findall(r'\w+', text.casefold()))].add(split)
        assert all(len(splits) == 1 for splits in where.values())
        counted[name] = [sum(split == wanted for *_, split in found) for wanted in ('train', 'validation', 'test')]
        counted[name].append(sum(label for _, label, _ in found))
    assert counted == {
        'movie_snippets': [8442, 1074, 1052, 5242],
        'amazon_snippets': [3240, 208, 162, 2128],
        'editorial_snippets': [4077, 410, 459, 2204],
        'tweets': [3353, 438, 405, 2897],
    }
    limits = dict(train_documents=2000, validation_documents=1000)
    data = labelled.load('movie_snippets', **limits, data_dir=tmp_path, quiet=True)
    assert [len(data.labels[split]) for split in ('train', 'validation', 'test')] == [2000, 1000, 1052]
    with pytest.raises(DatasetError, match='there are 1,074 documents of validation'):
        labelled.load('movie_snippets', validation_documents=2000, data_dir=tmp_path, quiet=True)
