"""A text as a trainer wants it: token ids of every split, memory-mapped, and what they stand for."""

import dataclasses
import hashlib
import json
import math
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from posbench.datasets import baselines, cache, folder, registered, shipped, tokenizers
from posbench.datasets.sources import SPLITS, DatasetError, Source

DATA_DIR = '~/.cache/posbench'


@dataclasses.dataclass(frozen=True, eq=False)
class Text:
    """Token ids of one text under one tokenizer. N tokens of a split, V ids.

    Documents follow each other in one stream, each ended by `end_of_document`. A document is a whole novel of
    'austen', a file of 'folder', a record of a TFDS dataset.
    """

    name: str
    tokens: dict[str, np.ndarray]  # split -> int32 [N], read-only
    characters_V: np.ndarray  # int32: characters that each token stands for; none for the end of a document
    end_of_document: int  # the last id
    vocabulary: int  # V, with the end of a document
    tokenizer: tokenizers.Tokenizer
    # validation and test -> 'unigram', '5-gram', 'unigram_tokens' (bits per character), 'unigram_tokens_nats' (nats per
    # token); all of them trained on train
    baselines: dict[str, dict[str, float]]
    fingerprint: str  # SHA-256 that changes with any token or with the tokenizer


def load(
    name: str,
    *,
    folder: str | Path | None = None,
    text_feature: str | None = None,
    tokenizer: str = 'bpe',
    vocabulary: int = 1024,
    data_dir: str | Path | None = None,
    quiet: bool | None = None,
) -> Text:
    """The tokens of a text, from the cache below `data_dir`; prepares and tokenises it if they are not there.

    `name` is 'austen' (shipped), 'folder' (see folder.py), or a dataset of tensorflow_datasets (see registered.py).
    `vocabulary` is the V of a BPE tokenizer; the other tokenizers have their own. `quiet` hides progress bars; None
    hides them where stderr is no terminal. Raises DatasetError, with one line for the user.
    """
    data_dir = Path(DATA_DIR if data_dir is None else data_dir).expanduser()
    quiet = not sys.stderr.isatty() if quiet is None else quiet
    settings = tokenizers.settings(tokenizer, vocabulary)
    source = _find(name, folder, text_feature, data_dir)
    key = hashlib.sha256(json.dumps([source.fingerprint, settings, _code()], sort_keys=True).encode()).hexdigest()
    place = data_dir / 'tokens' / f'{name.replace("/", "-").replace(":", "-")}-{tokenizer}-{key[:16]}'

    def build(directory: Path) -> dict[str, Any]:
        return _build(directory, source, tokenizers.kind(tokenizer), vocabulary, quiet)

    content = cache.fetch(place, build)
    trained = tokenizers.kind(tokenizer).from_json((place / 'tokenizer.json').read_text(encoding='utf-8'))
    return Text(
        name=name,
        tokens={split: _tokens(place, split) for split in SPLITS},
        characters_V=trained.characters_V,
        end_of_document=trained.end_of_document,
        vocabulary=trained.vocabulary,
        tokenizer=trained,
        baselines=content['baselines'],
        fingerprint=hashlib.sha256(json.dumps(content['files'], sort_keys=True).encode()).hexdigest(),
    )


def _find(name: str, path: str | Path | None, text_feature: str | None, data_dir: Path) -> Source:
    if path is not None and name != 'folder':
        raise DatasetError(f"folder={str(path)!r} needs the dataset 'folder', got {name!r}.")
    if text_feature is not None and name in ('austen', 'folder'):
        raise DatasetError(f'text_feature={text_feature!r} needs a TFDS dataset, got {name!r}.')
    if name == 'austen':
        return shipped.find(data_dir)
    if name == 'folder':
        return folder.find(path)
    return registered.find(name, data_dir, text_feature)


def _code() -> str:
    """Changes with the code that makes tokens and baselines, so that none made by other code is ever used."""
    paths = sorted(Path(__file__).parent.glob('*.py'))
    return hashlib.sha256(b''.join(hashlib.sha256(path.read_bytes()).digest() for path in paths)).hexdigest()


def _build(directory: Path, source: Source, kind: type, vocabulary: int, quiet: bool) -> dict[str, Any]:
    # Rich is slow to import, and a warm cache has nothing to show.
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=quiet, transient=True) as bar:

        def documents(split: str, task: str) -> Iterable[str]:
            return bar.track(source.documents(split), total=source.sizes[split], description=f'{task} {split}')

        tokenizer = kind.train(documents('train', 'Learning the tokenizer from'), vocabulary)
        (directory / 'tokenizer.json').write_text(tokenizer.to_json(), encoding='utf-8')
        for split in SPLITS:
            _write_tokens(directory / f'{split}.npy', documents(split, 'Tokenising'), tokenizer)
            if (_tokens(directory, split) == tokenizer.end_of_document).all():
                raise DatasetError(f'The documents of {split} hold no text.')
        tokens = {split: _tokens(directory, split) for split in SPLITS}
        return {'baselines': _baselines(tokens, tokenizer, lambda split: documents(split, 'Counting n-grams in'))}


def _tokens(directory: Path, split: str) -> np.ndarray:
    return np.load(directory / f'{split}.npy', mmap_mode='r', allow_pickle=False)


def _write_tokens(path: Path, documents: Iterable[str], tokenizer: tokenizers.Tokenizer) -> None:
    """One document after the other, so that a text need not fit into memory."""
    count = 0
    with path.open('wb') as file:
        header = {'shape': (count,), 'fortran_order': False, 'descr': '<i4'}
        np.lib.format.write_array_header_1_0(file, header)
        for document in documents:
            ids_N = np.append(tokenizer.encode(document), tokenizer.end_of_document).astype('<i4')
            file.write(ids_N.tobytes())
            count += len(ids_N)
        # NumPy leaves room in a header for its length to grow.
        file.seek(0)
        np.lib.format.write_array_header_1_0(file, {**header, 'shape': (count,)})


def _baselines(
    tokens: dict[str, np.ndarray], tokenizer: tokenizers.Tokenizer, documents: Callable[[str], Iterable[str]]
) -> dict[str, dict[str, float]]:
    found = baselines.characters(documents)
    for split, values in found.items():
        nats = baselines.unigram_tokens(tokens['train'], tokens[split], tokenizer.vocabulary)
        characters_per_token = tokenizer.characters_V[tokens[split]].mean()
        values['unigram_tokens'] = float(nats / math.log(2) / characters_per_token)
        values['unigram_tokens_nats'] = nats
    return found
