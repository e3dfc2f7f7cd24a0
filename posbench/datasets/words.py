"""A text as word vectors are trained on it: the words of each split under one vocabulary, and the ends of sentences.

    words = datasets.read('words', name='austen', min_count=5)
    words.corpus.tokens['train']   # int32 [N], see word_vectors/corpus.py

Made once, and checked whenever it is used, as tokens are (tokenised.py).
"""

import dataclasses
import functools
import hashlib
import json
from pathlib import Path as Folder
from typing import Any

import numpy as np

from posbench.datasets import cache, text, tokenised, tokenizers
from posbench.datasets.sources import SPLITS, DatasetError, Source
from posbench.knobs import Path
from posbench.word_vectors import corpus
from posbench.word_vectors.corpus import Boundary, Corpus


@dataclasses.dataclass(frozen=True, eq=False)
class Words:
    """A corpus, what it is called, and a SHA-256 that changes with any word or boundary of it."""

    name: str
    corpus: Corpus
    fingerprint: str


def load(
    name: str = 'austen',
    *,
    folder: Path | None = None,
    text_feature: str | None = None,
    min_count: tokenizers.MinCount = 5,
    boundary: Boundary = 'sentence',
    data_dir: Path | None = None,
) -> Words:
    """The words of a text, from the cache below `data_dir`; counts and numbers them if they are not there.

    `name`, `folder` and `text_feature` are those of text.py. The vocabulary is that of train: the words that are there
    `min_count` times. A window of words never crosses a `boundary`. Raises DatasetError, with one line for the user.
    """
    place = tokenised.place_of(data_dir)
    source = text.find(name, folder, text_feature, place)
    settings = [source.fingerprint, min_count, boundary, tokenised.code(Folder(corpus.__file__))]
    key = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]
    where = place / 'words' / f'{name.replace("/", "-").replace(":", "-")}-{key}'
    content = cache.fetch(where, functools.partial(_build, source, min_count, boundary))
    vocabulary = json.loads((where / 'vocabulary.json').read_text('utf-8'))
    tokens = {split: np.load(where / f'{split}.npy', mmap_mode='r', allow_pickle=False) for split in SPLITS}
    found = Corpus(tuple(vocabulary), np.array([*vocabulary.values()], np.int64), tokens, content['read'])
    return Words(name, found, hashlib.sha256(json.dumps(content['files'], sort_keys=True).encode()).hexdigest())


def _build(source: Source, min_count: int, boundary: Boundary, directory: Folder) -> dict[str, Any]:
    def sentences(split):
        return corpus.sentences_of(source.documents(split), boundary)

    try:
        made = corpus.build(sentences, min_count=min_count)
    except ValueError as error:
        raise DatasetError(f'config.dataset.{error}') from error
    for split in SPLITS:
        if not len(made.tokens[split]):
            raise DatasetError(f'The documents of {split} hold no word of the vocabulary.')
        np.save(directory / f'{split}.npy', made.tokens[split], allow_pickle=False)
    # In their order, the most frequent first.
    vocabulary = dict(zip(made.words, made.counts_V.tolist(), strict=True))
    (directory / 'vocabulary.json').write_text(json.dumps(vocabulary, ensure_ascii=False, indent=0), 'utf-8')
    return dict(read=made.read)
