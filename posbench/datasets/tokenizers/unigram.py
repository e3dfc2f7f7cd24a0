"""Pieces of words by a unigram language model."""

import collections
from collections.abc import Iterable, Iterator

from posbench.datasets.sources import DatasetError
from posbench.datasets.tokenizers import base, byte_level, pieces

# Characters of a document that are cut into words at once: their list takes a hundred times their memory.
AT_ONCE = 100_000


class Unigram(byte_level.ByteLevel):
    """Byte-level unigram pieces: of all ways to write a word in pieces, the likeliest (Kudo 2018, arXiv 1804.10959).

    The 256 bytes, pieces learned from the words of the training text, and the end of a document: V ids in all, fewer if
    the text has no more pieces. Every text can be written in them, and comes back as it was.

    The `tokenizers` library finds the likeliest pieces. It does not learn them here: what its trainer learns differs
    from process to process, because it goes through its words in an order that is drawn (0.23.3).
    """

    @classmethod
    def train(cls, documents: Iterable[str], vocabulary: int) -> 'Unigram':
        from tokenizers import models, pre_tokenizers

        if vocabulary < 257:
            raise DatasetError(
                f'A vocabulary of {vocabulary} unigram pieces is too small; wanted 257 (256 bytes, end) or more.'
            )
        cutter = byte_level.in_words(models.BPE()).pre_tokenizer
        counts: collections.Counter[str] = collections.Counter()
        for text in _parts(base.first(documents, base.LEARNED_FROM)):
            counts.update(word for word, _ in cutter.pre_tokenize_str(text))
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        return cls(byte_level.in_words(models.Unigram(pieces.learn(counts, alphabet, vocabulary - 1))))


def _parts(documents: Iterable[str]) -> Iterator[str]:
    for document in documents:
        for start in range(0, len(document), AT_ONCE):
            yield document[start : start + AT_ONCE]
