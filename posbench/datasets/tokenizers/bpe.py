"""Byte pair encoding."""

from collections.abc import Iterable

from posbench.datasets.sources import DatasetError
from posbench.datasets.tokenizers import base, byte_level


class BPE(byte_level.ByteLevel):
    """Byte-level byte pair encoding (Sennrich et al. 2016, arXiv 1508.07909; bytes as in GPT-2, Radford et al. 2019).

    The 256 bytes, merges of them learned from the training text, and the end of a document: V ids in all, fewer if
    the text has nothing more to merge. Every text can be written in them, and comes back as it was.
    """

    @classmethod
    def train(cls, documents: Iterable[str], vocabulary: int) -> 'BPE':
        from tokenizers import models, pre_tokenizers, trainers

        if vocabulary < 257:
            raise DatasetError(f'A BPE vocabulary of {vocabulary} is too small; wanted 257 (256 bytes, end) or more.')
        model = byte_level.in_words(models.BPE())
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        trainer = trainers.BpeTrainer(vocab_size=vocabulary - 1, initial_alphabet=alphabet, show_progress=False)
        model.train_from_iterator(base.first(documents, base.LEARNED_FROM), trainer)
        return cls(model)
