"""What models without a Transformer need for the same text, learned from the same training text.

All of them are honest codes: they count every token, and every character and end of document, that they are scored
on, and nothing has probability zero.
"""

from collections.abc import Callable, Iterable

import numpy as np

from posbench.datasets import ngram
from posbench.datasets.sources import SPLITS
from posbench.datasets.tokenizers import first

# Longer texts are read only so far from their start, in training and in scoring: the counts are held in memory.
CHARACTERS = 10_000_000


def characters(documents: Callable[[str], Iterable[str]]) -> dict[str, dict[str, float]]:
    """validation and test -> name -> bits per character of the character n-grams of orders 1 and 5 (ngram.py)."""
    train, *scored = (list(first(documents(split), CHARACTERS)) for split in SPLITS)
    models = {'unigram': ngram.Characters.train(train, 1), '5-gram': ngram.Characters.train(train, 5)}
    return {
        split: {name: model.bits_per_character(texts) for name, model in models.items()}
        for split, texts in zip(SPLITS[1:], scored)
    }


def unigram_tokens(train_N: np.ndarray, scored_N: np.ndarray, vocabulary: int) -> float:
    """Nats per token of the training text's relative frequencies, on another text.

    Where training lacks some ids, one count is reserved and shared equally among them.
    """
    counts_V = np.bincount(train_N, minlength=vocabulary).astype(np.float64)
    unseen_V = counts_V == 0
    counts_V[unseen_V] = 1 / max(1, unseen_V.sum())
    times_V = np.bincount(scored_N, minlength=vocabulary)
    return float(times_V @ -np.log(counts_V / counts_V.sum()) / times_V.sum())
