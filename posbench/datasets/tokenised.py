"""Documents as token ids on disk: one stream a split, made once and checked whenever it is used.

What a kind of dataset keeps besides the tokens (text.py, labelled.py) it makes from them in the same build, so that
both are always of the same tokens.
"""

import dataclasses
import functools
import hashlib
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from posbench.datasets import cache, tokenizers
from posbench.datasets.sources import SPLITS, DatasetError, Source

DATA_DIR = '~/.cache/posbench'
# The documents of a split, with a line for a progress bar that says what is done to them.
Documents = Callable[[str, str], Iterable[str]]


@dataclasses.dataclass(frozen=True, eq=False)
class Tokenised:
    """The documents of a source under one tokenizer. N tokens of a split, D documents.

    They follow each other in one stream, each ended by `tokenizer.end_of_document`.
    """

    tokens: dict[str, np.ndarray]  # split -> int32 [N], memory-mapped and read-only
    starts: dict[str, np.ndarray]  # split -> int64 [D+1]: the first token of each document, and N
    tokenizer: tokenizers.Tokenizer
    content: dict[str, Any]  # what `describe` made of it, plain JSON
    fingerprint: str  # SHA-256 that changes with any token or with the tokenizer


def fetch(
    name: str,
    source: Source,
    recipe: tokenizers.Recipe,
    data_dir: Path,
    *,
    quiet: bool | None = None,
    describe: Callable[[Tokenised, Documents], dict[str, Any]] | None = None,
) -> Tokenised:
    """The tokens of a source, from the cache below `data_dir`; tokenises it if they are not there.

    The tokenizer learns from the documents of train alone, unless the source says from which. `name` says in the cache
    what the tokens are. `quiet` hides progress bars; None hides them where stderr is no terminal. `describe` gets
    tokens that were just made, whose `content` and `fingerprint` are empty. Raises DatasetError, with one line for the
    user.
    """
    quiet = not sys.stderr.isatty() if quiet is None else quiet
    key = hashlib.sha256(json.dumps([source.fingerprint, recipe.settings, code()], sort_keys=True).encode())
    folder = f'{name.replace("/", "-").replace(":", "-")}-{recipe.name}-{key.hexdigest()[:16]}'
    place = data_dir / 'tokens' / folder
    content = cache.fetch(place, lambda directory: _build(directory, source, recipe, quiet, describe))
    fingerprint = hashlib.sha256(json.dumps(content['files'], sort_keys=True).encode()).hexdigest()
    return _read(place, recipe, content, fingerprint)


def place_of(data_dir: str | Path | None) -> Path:
    """Where prepared data and tokens lie; None: where they do if nobody says."""
    return Path(DATA_DIR if data_dir is None else data_dir).expanduser()


def _read(directory: Path, recipe: tokenizers.Recipe, content: dict[str, Any], fingerprint: str) -> Tokenised:
    tokenizer = recipe.kind.from_json((directory / 'tokenizer.json').read_text(encoding='utf-8'))
    tokens = {split: np.load(directory / f'{split}.npy', mmap_mode='r', allow_pickle=False) for split in SPLITS}
    starts = {split: np.load(directory / f'{split}-starts.npy', allow_pickle=False) for split in SPLITS}
    return Tokenised(tokens, starts, tokenizer, content, fingerprint)


def code(*more: Path) -> str:
    """Changes with the code that makes tokens, and with these files, so that none made by other code is used."""
    paths = [*sorted(Path(__file__).parent.glob('**/*.py')), *more]
    return hashlib.sha256(b''.join(hashlib.sha256(path.read_bytes()).digest() for path in paths)).hexdigest()


def _build(
    directory: Path,
    source: Source,
    recipe: tokenizers.Recipe,
    quiet: bool,
    describe: Callable[[Tokenised, Documents], dict[str, Any]] | None,
) -> dict[str, Any]:
    # Rich is slow to import, and a warm cache has nothing to show.
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=quiet, transient=True) as bar:

        def documents(split: str, doing: str) -> Iterable[str]:
            return bar.track(source.documents(split), total=source.sizes[split], description=f'{doing} {split}')

        learned_from = source.vocabulary_from or functools.partial(documents, 'train', 'Learning the tokenizer from')
        tokenizer = recipe.train(learned_from())
        (directory / 'tokenizer.json').write_text(tokenizer.to_json(), encoding='utf-8')
        for split in SPLITS:
            starts_D = _write_tokens(directory / f'{split}.npy', documents(split, 'Tokenising'), tokenizer)
            if starts_D[-1] == len(starts_D) - 1:
                raise DatasetError(f'The documents of {split} hold no text.')
            np.save(directory / f'{split}-starts.npy', starts_D, allow_pickle=False)
        made = _read(directory, recipe, {}, '')
        return {} if describe is None else describe(made, documents)


def _write_tokens(path: Path, documents: Iterable[str], tokenizer: tokenizers.Tokenizer) -> np.ndarray:
    """One document after the other, so that a text need not fit into memory; gives the starts of all, and the end."""
    starts = [0]
    with path.open('wb') as file:
        header = {'shape': (0,), 'fortran_order': False, 'descr': '<i4'}
        np.lib.format.write_array_header_1_0(file, header)
        for document in documents:
            ids_N = np.append(tokenizer.encode(document), tokenizer.end_of_document).astype('<i4')
            file.write(ids_N.tobytes())
            starts.append(starts[-1] + len(ids_N))
        # NumPy leaves room in a header for its length to grow.
        file.seek(0)
        np.lib.format.write_array_header_1_0(file, {**header, 'shape': (starts[-1],)})
    return np.array(starts, np.int64)
