"""Where documents come from. Every kind of source gives the same three things."""

import dataclasses
from collections.abc import Callable, Iterator

SPLITS = ('train', 'validation', 'test')


class DatasetError(ValueError):
    """A dataset that cannot be used as asked. The message is always one line."""

    def __init__(self, message: str):
        super().__init__(' '.join(message.split()))


class NotPreparedError(DatasetError):
    """A dataset that is known, and has yet to be fetched and prepared."""


@dataclasses.dataclass(frozen=True)
class Source:
    """Documents of text in three splits that share none of them."""

    fingerprint: str  # changes when any document does
    sizes: dict[str, int | None]  # documents of each split; None where nobody counted them
    documents: Callable[[str], Iterator[str]]  # those of one split, always in the same order
    # What a tokenizer learns from, where that is not the documents of train.
    vocabulary_from: Callable[[], Iterator[str]] | None = dataclasses.field(default=None, kw_only=True)


@dataclasses.dataclass(frozen=True)
class LabelledSource(Source):
    """Documents that each are of one class."""

    classes: tuple[str, ...]
    labels: Callable[[str], list[int]]  # the class of each document of a split, in the order of `documents`
