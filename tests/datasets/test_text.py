"""`load`: from documents to tokens on disk, and back."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from posbench import datasets
from posbench.datasets import DatasetError, austen, text, tokenised


@pytest.fixture
def books(tmp_path):
    contents = {
        'train': ['the cat sat on the mat, naïve 😀 cat. ' * 20, 'the end of the cat'],
        'validation': ['the mat sat'],
        'test': ['a cat zat: é', 'x'],
    }
    for split, documents in contents.items():
        (tmp_path / 'books' / split).mkdir(parents=True)
        for i, document in enumerate(documents):
            (tmp_path / 'books' / split / f'{i}.txt').write_text(document, encoding='utf-8')
    return tmp_path / 'books', contents


def load(books, tmp_path, **options):
    return datasets.load('folder', folder=books[0], data_dir=tmp_path / 'data', vocabulary=280, quiet=True, **options)


@pytest.mark.parametrize('tokenizer', ['bytes', 'characters', 'bpe'])
def test_tokens_are_the_documents_each_with_its_end(books, tmp_path, tokenizer):
    loaded = load(books, tmp_path, tokenizer=tokenizer)
    for split, documents in books[1].items():
        tokens_N = loaded.tokens[split]
        assert tokens_N.dtype == np.int32 and isinstance(tokens_N, np.memmap) and not tokens_N.flags.writeable
        ends = np.flatnonzero(tokens_N == loaded.end_of_document)
        pieces = [piece[piece != loaded.end_of_document] for piece in np.split(tokens_N, ends + 1)]
        assert ends[-1] == len(tokens_N) - 1
        wanted = [loaded.tokenizer.decode(loaded.tokenizer.encode(document)) for document in documents]
        assert [loaded.tokenizer.decode(piece) for piece in pieces] == [*wanted, '']
        assert loaded.characters_V[tokens_N].sum() == sum(map(len, documents))
    assert loaded.vocabulary == loaded.end_of_document + 1 == len(loaded.characters_V)


def test_tokens_come_from_the_cache_the_second_time(books, tmp_path, monkeypatch):
    first = load(books, tmp_path)
    monkeypatch.setattr(tokenised, '_build', None)
    second = load(books, tmp_path)
    assert second.fingerprint == first.fingerprint and second.baselines == first.baselines
    np.testing.assert_array_equal(second.tokens['train'], first.tokens['train'])


def test_what_decides_the_tokens_decides_the_cache(books, tmp_path):
    def fingerprint(**options):
        return load(books, tmp_path, **options).fingerprint

    before = fingerprint()
    assert len({before, fingerprint(tokenizer='bytes'), fingerprint(tokenizer='characters')}) == 3
    (books[0] / 'test' / '1.txt').write_text('y')
    assert fingerprint() != before
    (books[0] / 'test' / '1.txt').write_text('x')
    assert fingerprint() == before


def test_damaged_tokens_are_made_again(books, tmp_path):
    before = load(books, tmp_path).tokens['train'].tolist()
    (path,) = (tmp_path / 'data').glob('tokens/*/train.npy')
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    assert load(books, tmp_path).tokens['train'].tolist() == before


def test_the_tokenizer_learns_from_train_alone(books, tmp_path):
    before = load(books, tmp_path).tokenizer.to_json()
    (books[0] / 'test' / '0.txt').write_text('quite other words ' * 100)
    (books[0] / 'validation' / '0.txt').write_text('quite other words ' * 100)
    assert load(books, tmp_path).tokenizer.to_json() == before


def test_token_unigrams_count_tokens_and_reserve_one_for_those_never_seen(books, tmp_path):
    loaded = load(books, tmp_path, tokenizer='characters')
    train, test = loaded.tokens['train'].tolist(), loaded.tokens['test'].tolist()
    unseen = loaded.vocabulary - len(set(train))
    assert unseen == 1  # The unknown character.
    nats = [-math.log((train.count(token) or 1) / (len(train) + 1)) for token in test]
    baselines = loaded.baselines['test']
    assert baselines['unigram_tokens_nats'] == pytest.approx(sum(nats) / len(test), rel=1e-12)
    assert baselines['unigram_tokens'] == pytest.approx(sum(nats) / math.log(2) / len('a cat zat: éx'), rel=1e-12)


def test_a_split_of_empty_documents_is_refused(books, tmp_path, monkeypatch):
    source = datasets.sources.Source('0', {'train': 1, 'validation': 1, 'test': 1}, lambda split: iter(['']))
    monkeypatch.setattr(text, 'find', lambda *_: source)
    for tokenizer in ('bytes', 'characters', 'bpe'):
        with pytest.raises(DatasetError, match='train hold no text'):
            load(books, tmp_path, tokenizer=tokenizer)


def test_an_option_that_would_be_ignored_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="needs the dataset 'folder'"):
        datasets.load('austen', folder=tmp_path, data_dir=tmp_path)
    with pytest.raises(DatasetError, match='needs a TFDS dataset'):
        datasets.load('austen', text_feature='text', data_dir=tmp_path)


# Loads the bytes of the novels, says what that imported, and prints nothing else.
WARM = """
import sys
from posbench import datasets
text = datasets.load('austen', tokenizer='bytes', data_dir=sys.argv[1])
assert len(text.tokens['test']) == 466_854
print(*(name for name in ('jax', 'flax', 'tensorflow_datasets', 'tensorflow', 'rich') if name in sys.modules))
"""


def test_the_novels_load_and_a_second_time_without_heavy_imports(tmp_path):
    loaded = datasets.load('austen', tokenizer='bytes', data_dir=tmp_path, quiet=True)
    persuasion = austen.novel('persuasion')
    assert loaded.tokenizer.decode(loaded.tokens['test']) == persuasion
    ends = {split: int((tokens_N == loaded.end_of_document).sum()) for split, tokens_N in loaded.tokens.items()}
    assert ends == {'train': 4, 'validation': 1, 'test': 1}
    # The `Direct` model of tests/test_ngram.py, run once over the four training novels (it takes minutes).
    wanted = {'validation': (4.4422878548649445, 1.9649259746897092), 'test': (4.43520722844006, 1.9993071215240539)}
    for split, (unigram, five_gram) in wanted.items():
        assert loaded.baselines[split]['unigram'] == pytest.approx(unigram, abs=1e-9)
        assert loaded.baselines[split]['5-gram'] == pytest.approx(five_gram, abs=1e-9)
    root = Path(datasets.__file__).parents[2]
    process = subprocess.run(
        [sys.executable, '-c', WARM, str(tmp_path)], cwd=root, capture_output=True, text=True, check=True
    )
    assert (process.stdout, process.stderr) == ('\n', '')
