"""Documents with a class each, as token ids: what a task that tells classes apart is made of."""

import dataclasses
import functools
import hashlib
import json
import pathlib
from collections.abc import Callable, Iterator
from typing import Annotated

import numpy as np

from posbench.datasets import rated, registered, shipped, tokenised, tokenizers
from posbench.datasets.sources import SPLITS, DatasetError, LabelledSource
from posbench.knobs import Path, Range

# By name, what finds the documents below a folder of data; every other name is TFDS's.
SOURCES: dict[str, Callable[[pathlib.Path], LabelledSource]] = {
    'austen': lambda data_dir: shipped.find_chapters(),
    **{name: functools.partial(rated.find, name) for name in rated.SETS},
}
Count = Annotated[int, Range(min=1)]


@dataclasses.dataclass(frozen=True, eq=False)
class Labelled:
    """Documents and their classes under one tokenizer. N tokens of a split, D documents.

    Documents follow each other in one stream, and no document is in two splits.
    """

    name: str
    classes: tuple[str, ...]
    tokens: dict[str, np.ndarray]  # split -> int32 [N], read-only
    # split -> int64 [D]: the first token of each document, and where it ends: the token there is `end_of_document`.
    starts: dict[str, np.ndarray]
    ends: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]  # split -> int32 [D], places in `classes`
    vocabulary: int  # ids, with the end of a document
    tokenizer: tokenizers.Tokenizer
    fingerprint: str  # SHA-256 that changes with any token, label or with the tokenizer


def load(
    name: str = 'austen',
    *,
    text_feature: str | None = None,
    label_feature: str | None = None,
    train_documents: Count | None = None,
    validation_documents: Count | None = None,
    tokenizer: tokenizers.Name = 'bpe',
    vocabulary: tokenizers.Vocabulary = 1024,
    tokenizer_file: Path | None = None,
    data_dir: Path | None = None,
    quiet: bool | None = None,
) -> Labelled:
    """Documents with their classes, from the cache below `data_dir`; tokenises them if they are not there.

    'austen': which of the six novels a chapter is from. Of every novel, chapters 5, 15, 25, ... are validation and
    chapters 10, 20, 30, ... test, counted through all its volumes; no passage of a chapter is in two splits. Headings,
    titles, closing words, line breaks and marks of italics, which would give a novel away, are gone (austen.prose);
    names of people and places stay, and so do the spelling and the dashes of its edition.

    'movie_snippets', 'amazon_snippets', 'editorial_snippets', 'tweets': short texts, positive or negative by the mean
    of what people said (rated.py), fetched by package name. Of films: 8,442 for training, 1,074 for validation and
    1,052 for the test; two of them may be about one film, which nothing in the data tells.

    Any other name is a dataset of tensorflow_datasets that is prepared, such as 'imdb_reviews' or 'glue/sst2';
    `text_feature` and `label_feature` choose where it has several of them (registered.py).

    `train_documents`, `validation_documents`: only so many of a split, spread over it by a fixed rule (`some`); a
    tokenizer learns from those alone. The other options are those of text.load. Raises DatasetError, with one line for
    the user.
    """
    recipe = tokenizers.recipe(tokenizer, vocabulary, tokenizer_file)
    place = tokenised.place_of(data_dir)
    limits = {'train': train_documents, 'validation': validation_documents}
    source = some(_find(name, place, text_feature, label_feature), limits)
    made = tokenised.fetch(
        f'{name}-labelled',
        source,
        recipe,
        place,
        quiet=quiet,
        describe=lambda *_: {'labels': {split: source.labels(split) for split in SPLITS}},
    )
    return Labelled(
        name=name,
        classes=source.classes,
        tokens=made.tokens,
        starts={split: starts_D[:-1] for split, starts_D in made.starts.items()},
        ends={split: starts_D[1:] - 1 for split, starts_D in made.starts.items()},
        labels={split: np.array(labels, np.int32) for split, labels in made.content['labels'].items()},
        vocabulary=made.tokenizer.vocabulary,
        tokenizer=made.tokenizer,
        fingerprint=made.fingerprint,
    )


def some(source: LabelledSource, limits: dict[str, int | None]) -> LabelledSource:
    """The source with at most so many documents of each split that has a limit.

    Those that stay are the first by i * 0x9E3779B97F4A7C15 mod 2^64, for document i: spread evenly over the split, and
    fewer are always among more. They keep their order. Where there are not so many, DatasetError says so when they are
    read.
    """
    if all(limit is None for limit in limits.values()):
        return source

    @functools.cache
    def stay(split: str) -> list[int] | None:
        limit, count = limits.get(split), len(source.labels(split))
        if limit is not None and limit > count:
            raise DatasetError(f'{split}_documents={limit:,}: there are {count:,} documents of {split}.')
        return np.sort(registered.spread(count)[:limit]).tolist()

    def documents(split: str) -> Iterator[str]:
        staying = set(stay(split))
        return (text for i, text in enumerate(source.documents(split)) if i in staying)

    def labels(split: str) -> list[int]:
        found = source.labels(split)
        return [found[i] for i in stay(split)]

    described = json.dumps([source.fingerprint, limits], sort_keys=True)
    fingerprint = hashlib.sha256(described.encode()).hexdigest()
    sizes = {split: limits.get(split) or size for split, size in source.sizes.items()}
    return dataclasses.replace(source, fingerprint=fingerprint, sizes=sizes, documents=documents, labels=labels)


def _find(name: str, data_dir: pathlib.Path, text_feature: str | None, label_feature: str | None) -> LabelledSource:
    if name in SOURCES:
        for option, feature in (('text_feature', text_feature), ('label_feature', label_feature)):
            if feature is not None:
                raise DatasetError(f'{option}={feature!r} needs a TFDS dataset, got {name!r}.')
        return SOURCES[name](data_dir)
    return registered.find_labelled(name, data_dir, text_feature, label_feature, [*SOURCES])
