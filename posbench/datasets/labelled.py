"""Documents with a class each, as token ids: what a task that tells classes apart is made of."""

import dataclasses
from typing import Literal

import numpy as np

from posbench.datasets import shipped, tokenised, tokenizers
from posbench.datasets.sources import SPLITS, DatasetError, LabelledSource
from posbench.knobs import Path, kinds

SOURCES = {'austen': shipped.find_chapters}


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
    name: Literal['austen'] = 'austen',
    *,
    tokenizer: tokenizers.Name = 'bpe',
    vocabulary: tokenizers.Vocabulary = 1024,
    tokenizer_file: Path | None = None,
    lowercase: bool = False,
    min_count: tokenizers.MinCount = 1,
    segmentation: tokenizers.Segmentation = 'unicode',
    data_dir: Path | None = None,
    quiet: bool | None = None,
) -> Labelled:
    """Documents with their classes, from the cache below `data_dir`; tokenises them if they are not there.

    'austen': which of the six novels a chapter is from. Of every novel, chapters 5, 15, 25, ... are validation and
    chapters 10, 20, 30, ... test, counted through all its volumes; no passage of a chapter is in two splits. Headings,
    titles, closing words, line breaks and marks of italics, which would give a novel away, are gone (austen.prose);
    names of people and places stay, and so do the spelling and the dashes of its edition.

    The options are those of text.load. Raises DatasetError, with one line for the user.
    """
    recipe = tokenizers.recipe(
        tokenizer, vocabulary, tokenizer_file, lowercase=lowercase, min_count=min_count, segmentation=segmentation
    )
    source = _find(name)
    made = tokenised.fetch(
        f'{name}-labelled',
        source,
        recipe,
        tokenised.place_of(data_dir),
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


def _find(name: str) -> LabelledSource:
    if name not in SOURCES:
        near = kinds.nearest(str(name), SOURCES)
        hint = f'; did you mean {near!r}?' if near else '.'
        raise DatasetError(f'Unknown labelled dataset {name!r}{hint} There are {[*SOURCES]}.')
    return SOURCES[name]()
