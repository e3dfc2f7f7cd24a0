"""Where documents come from. Every kind of source gives the same three things."""

import dataclasses
from collections.abc import Callable, Iterator

SPLITS = ('train', 'validation', 'test')


class DatasetError(ValueError):
    """A dataset that cannot be used as asked. The message is always one line."""

    def __init__(self, message: str):
        super().__init__(' '.join(message.split()))


@dataclasses.dataclass(frozen=True)
class Source:
    """Documents of text in three splits that share none of them."""

    fingerprint: str  # changes when any document does
    sizes: dict[str, int]  # documents of each split
    documents: Callable[[str], Iterator[str]]  # those of one split, always in the same order
