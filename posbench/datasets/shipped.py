"""The shipped novels as documents: whole, by way of their TFDS dataset, or the prose of each chapter with its novel."""

import contextlib
import functools
import hashlib
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path

from posbench.datasets import austen
from posbench.datasets.sources import SPLITS, DatasetError, LabelledSource, Source


def find(data_dir: Path) -> Source:
    """The novels; they are prepared below `data_dir` when the first document is asked for."""
    fingerprint = hashlib.sha256(json.dumps([austen.SHA256, austen.SPLITS]).encode()).hexdigest()
    sizes = {split: len(titles) for split, titles in austen.SPLITS.items()}
    return Source(fingerprint, sizes, lambda split: _documents(data_dir, split))


def find_novel(title: str, data_dir: Path) -> Source:
    """One novel by its chapters, split as austen.CHAPTERS_HELD_OUT says, in the tokens of all of them.

    The tokenizer is that of `find`, so that what was trained on the others can go on with this one.
    """

    def chapters(split: str) -> Iterator[str]:
        numbered = enumerate(austen.chapters(austen.novel(title)), start=1)
        return (chapter for number, chapter in numbered if austen.split_of_chapter(number) == split)

    described = [austen.SHA256, austen.CHAPTERS_HELD_OUT, austen.SPLITS, title]
    return Source(
        fingerprint=hashlib.sha256(json.dumps(described).encode()).hexdigest(),
        sizes=dict.fromkeys(SPLITS),
        documents=chapters,
        vocabulary_from=lambda: _documents(data_dir, 'train'),
    )


def find_chapters() -> LabelledSource:
    """Chapters of all six novels, each labelled by its novel, split as austen.CHAPTERS_HELD_OUT says."""

    @functools.cache
    def chapters(split: str) -> list[tuple[str, str]]:
        try:
            return austen.chapters_of(split)
        except ValueError as error:
            raise DatasetError(str(error)) from error

    titles = tuple(austen.SHA256)
    return LabelledSource(
        fingerprint=hashlib.sha256(json.dumps([austen.SHA256, austen.CHAPTERS_HELD_OUT]).encode()).hexdigest(),
        sizes=dict.fromkeys(SPLITS),
        documents=lambda split: (prose for _, prose in chapters(split)),
        classes=titles,
        labels=lambda split: [titles.index(title) for title, _ in chapters(split)],
    )


def _documents(data_dir: Path, split: str) -> Iterator[str]:
    try:
        wanted = [(title, austen.novel(title)) for title in austen.SPLITS[split]]
    except ValueError as error:
        raise DatasetError(str(error)) from error
    records = itertools.groupby(_prepared(data_dir)[split], lambda record: record['title'].decode())
    novels = [(title, b''.join(chapter['text'] for chapter in chapters).decode()) for title, chapters in records]
    if novels != wanted:
        raise DatasetError(f'{data_dir / "austen"} does not hold the shipped novels; delete that folder.')
    return (novel for _, novel in novels)


def _prepared(data_dir: Path) -> dict:
    # Half a second, and not needed at all once the tokens are on disk.
    import tensorflow_datasets as tfds

    from posbench.datasets.austen import austen_dataset_builder

    def builder():
        return austen_dataset_builder.Builder(data_dir=data_dir, file_format='array_record')

    with _silent(tfds):
        if not builder().is_prepared():
            # Otherwise TFDS asks Google's cloud storage first whether somebody prepared them.
            config = tfds.download.DownloadConfig(try_download_gcs=False)
            try:
                builder().download_and_prepare(download_config=config)
            except (OSError, RuntimeError) as error:  # The writer of records has RuntimeError for a full disk.
                # Another process may have been faster: its folder is then there, complete, and ours is in the way.
                if not builder().is_prepared():
                    raise DatasetError(f'The novels cannot be prepared in {data_dir}: {error}') from error
        return tfds.data_source('austen', data_dir=data_dir, download=False)


@contextlib.contextmanager
def _silent(tfds) -> Iterator[None]:
    """Without TFDS's own bars and lines, which would go through those of the caller, and to stdout."""
    from absl import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    tfds.display_progress_bar(False)
    try:
        with open(os.devnull, 'w', encoding='utf-8') as nowhere, contextlib.redirect_stdout(nowhere):
            yield
    finally:
        tfds.display_progress_bar(True)
        logging.set_verbosity(verbosity)
