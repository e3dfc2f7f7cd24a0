"""The interface of a tokenizer, and what several of them share."""

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar

import numpy as np

# What is learned from a text is learned from at most so many characters from the start of train.
LEARNED_FROM = 20_000_000
# Words are at most so many characters long, because what is learned inside one takes the square of that: a longer one,
# such as a genome or base64, is cut. Words of prose are far shorter, and so are Chinese sentences.
WORD = 1024


class Tokenizer:
    """Text to V token ids and back.

    `vocabulary` is V, with the end of a document. `end_of_document` is V-1, but for `File`, and no text has it.
    `characters_V` (int32) sums over the tokens of a text to its length; where a token stands for more than one text, it
    is a mean over train (float32), and the sum is that of train.
    """

    vocabulary: int
    end_of_document: int
    characters_V: np.ndarray
    # What its models expect around a text, such as ([CLS],) and ([SEP],).
    before: ClassVar[tuple[int, ...]] = ()
    after: ClassVar[tuple[int, ...]] = ()

    def encode(self, text: str) -> np.ndarray:
        """Token ids, int32 [N], without an end of document."""
        raise NotImplementedError

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids; ends of documents are left out, what is no text becomes U+FFFD."""
        raise NotImplementedError

    def to_json(self) -> str:
        """All of it, as `from_json` of its class reads it."""
        raise NotImplementedError

    @functools.cached_property
    def spelled(self) -> list[str]:
        """The text of every token: '' of the end of a document, with its space where a token begins with one."""
        return [self.decode([token]) for token in range(self.vocabulary)]

    @functools.cached_property
    def index(self) -> dict[str, int]:
        """The id of a token by its text; parts of a character, which are no text by themselves, have none."""
        found: dict[str, int] = {}
        for token, text in enumerate(self.spelled):
            if text and '\N{REPLACEMENT CHARACTER}' not in text:
                found.setdefault(text, token)
        return found


def mean_characters(encode: Callable, documents: Iterable[str], vocabulary: int, end_of_document: int) -> np.ndarray:
    """Characters from the end of the token before to a token's own end, float32 [V], on average over the documents.

    `encode` gives ids and offsets, as the `tokenizers` library does. White space counts for the token after it, what
    follows the last token of a document for that one. Over these documents that sums to the length of the text, over
    another text to nearly that. A token that they lack counts as much as the mean token, what ends a document for
    nothing.
    """
    count_V, sum_V = np.zeros((2, vocabulary), np.int64)
    for document in first(documents, LEARNED_FROM):
        encoded = encode(document)
        ids_N, end_N = np.array(encoded.ids, np.int64), np.array([end for _, end in encoded.offsets], np.int64)
        if len(ids_N):
            # Tokens that are parts of one character have its end in common.
            end_N = np.maximum.accumulate(end_N)
            end_N[-1] = len(document)
            np.add.at(count_V, ids_N, 1)
            np.add.at(sum_V, ids_N, np.diff(end_N, prepend=0))
    mean = sum_V.sum() / max(count_V.sum(), 1)
    characters_V = np.where(count_V > 0, sum_V / np.maximum(count_V, 1), mean).astype(np.float32)
    characters_V[end_of_document] = 0
    return characters_V


def first(documents: Iterable[str], characters: int) -> Iterator[str]:
    """The documents until there are so many characters; the last one is cut there."""
    for document in documents:
        yield document[:characters]
        characters -= len(document)
        if characters <= 0:
            return


def as_list(ids: Iterable[int]) -> list[int]:
    """Plain numbers, of whatever holds the ids."""
    return np.asarray(ids, np.int64).tolist()
