"""Which class each word of a sentence is of, such as its part of speech.

Sentences are read in pieces of at most L words, so that every word is scored once whatever the length; a sentence that
is no longer is read as a whole. Most words have one tag, or one that is far commoner than their others, so that a table
of words comes far: it stands beside every model as `commonest tag of the word`. What a model adds is what it reads
around a word, and all that it says of words that the vocabulary has not.
"""

import math
from collections.abc import Iterator, Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from posbench.datasets.tagged import Tagged
from posbench.tasks import base, classification
from posbench.tasks.text import padded


class Task(base.Task):
    """Pieces of sentences. N words of the training split, D sentences of it."""

    reads: ClassVar[str] = 'tagged'
    reads_texts: ClassVar[bool] = True
    says: ClassVar[str] = 'tags'
    metrics: ClassVar[dict[str, base.Metric]] = {
        **classification.metrics('word'),
        'unknown_accuracy': base.Metric('of words that the vocabulary has not', 'higher', share=True),
    }
    protocols: ClassVar[dict[str, str]] = {
        'words': 'every word of held-out sentences, in pieces of at most that length'
    }
    guess: ClassVar[str] = 'the commonest tag, on every word of the split'

    tokens_N: jax.Array  # words of the training sentences, int32, and the ends of these
    tags_N: jax.Array  # int32
    # Of each sentence: its first word, and the place after its last one, int32.
    starts_D: jax.Array
    ends_D: jax.Array
    dataset: Tagged | None = base.constant(None)

    @classmethod
    def from_dataset(cls, dataset: Tagged, **options) -> 'Task':
        """The task on tagged sentences."""
        bounds = (np.asarray(x['train'], np.int32) for x in (dataset.starts, dataset.ends))
        return cls(dataset.tokens['train'], dataset.tags['train'], *bounds, dataset, **options)

    @property
    def vocabulary(self) -> int:
        """Words that are known, the unknown one and the end of a sentence."""
        return self.dataset.vocabulary

    @property
    def classes(self) -> int:
        """Tags."""
        return len(self.dataset.classes)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Those of the dataset."""
        return self.dataset.classes

    @property
    def unknown(self) -> int:
        """The id of all words that the vocabulary has not."""
        return self.dataset.tokenizer.unknown

    def title(self, name: str) -> str:
        """With the name of the dataset, whose tags are its own."""
        return f'{name}/{self.dataset.name}'

    def sample(self, rng: jax.Array, batch_size: int, length: int) -> base.Batch:
        """inputs_BL, segment_ids_BL, targets_BL (int32), weights_BL (float32): pieces of train, drawn evenly."""
        starts_D, ends_D = jnp.asarray(self.starts_D), jnp.asarray(self.ends_D)
        pieces_D = -((starts_D - ends_D) // length)
        until_D = jnp.cumsum(pieces_D, dtype=jnp.int32)
        piece_B = jax.random.randint(rng, (batch_size,), 0, until_D[-1], dtype=jnp.int32)
        sentence_B = jnp.searchsorted(until_D, piece_B, side='right').astype(jnp.int32)
        before_B = until_D[sentence_B] - pieces_D[sentence_B]
        start_B = starts_D[sentence_B] + (piece_B - before_B) * length
        place_BL = start_B[:, None] + jnp.arange(length, dtype=jnp.int32)
        read = (jnp.asarray(x_N).at[place_BL].get(mode='clip') for x_N in (self.tokens_N, self.tags_N))
        return self._batch(*read, ends_D[sentence_B] - start_B)

    def held_out(self, split: str, length: int, budget: base.Budget) -> Iterator[tuple[str, base.Batch]]:
        """All sentences of the split, or as many as the budget has rows of the longest length, spread evenly over it.

        So the same words are scored at every length.
        """
        data = self.dataset
        which_W = np.arange(len(data.starts[split]))
        if budget.tokens is not None and (count := budget.tokens // budget.longest) < len(which_W):
            if count == 0:
                raise ValueError(f'config.evaluate.tokens: got {budget.tokens}, wanted at least {budget.longest}')
            which_W = np.arange(count) * len(which_W) // count
        pairs = [(data.starts[split][one], data.ends[split][one]) for one in which_W]
        pieces = [(start, end - start) for first, end in pairs for start in range(first, end, length)]
        start_P, size_P = (np.array(column, np.int64) for column in zip(*pieces))
        rows = min(budget.rows(length), len(pieces))
        for first in range(0, len(pieces), rows):
            start_B, size_B = (column_P[first : first + rows] for column_P in (start_P, size_P))
            place_BL = np.minimum(start_B[:, None] + np.arange(length), len(data.tokens[split]) - 1)
            read = (np.asarray(x[split][place_BL], np.int32) for x in (data.tokens, data.tags))
            yield 'words', base.filled(self._batch(*read, size_B), rows)

    def _batch(self, tokens_BL, tags_BL, size_B) -> base.Batch:
        batch = padded.rows(tokens_BL, size_B)
        xp, real_BL = (np if isinstance(tokens_BL, np.ndarray) else jnp), batch['segment_ids_BL'] >= 0
        targets_BL = xp.where(real_BL, tags_BL, 0).astype(xp.int32)
        return dict(**batch, targets_BL=targets_BL, weights_BL=real_BL.astype(xp.float32))

    def words(self, text: str) -> list[str]:
        """The words of a text, as the tokenizer tells them apart."""
        return self.dataset.tokenizer.segment(text)

    def read_texts(self, texts: Sequence[str], length: int) -> base.Batch:
        """See base.py."""
        return self.read_words([self.words(text) for text in texts], length)

    def read_words(self, texts: Sequence[Sequence[str]], length: int) -> base.Batch:
        """See base.py."""
        ids = [np.array(self.dataset.tokenizer.ids(words), np.int32) for words in texts]
        return padded.of_ids(ids, self.unknown, length)

    def loss(self, outputs: jax.Array, batch: base.Batch) -> tuple[jax.Array, jax.Array]:
        """Nats of the tags."""
        return classification.loss(*_flat(outputs, batch))

    def score(self, outputs: jax.Array, batch: base.Batch) -> base.Sums:
        """How often a tag was said of another, nats, and unknown words, with those whose tag was said."""
        logits_NC, targets_N, weights_N = _flat(outputs, batch)
        unknown_N = jnp.where(batch['inputs_BL'].reshape(-1) == self.unknown, weights_N, 0.0)
        right_N = jnp.where(jnp.isnan(logits_NC).any(axis=-1), jnp.nan, logits_NC.argmax(axis=-1) == targets_N)
        unknown = dict(unknown=unknown_N.sum(), unknown_right=jnp.where(unknown_N > 0, right_N * unknown_N, 0.0).sum())
        return classification.score(logits_NC, targets_N, weights_N) | unknown

    def values(self, sums: base.Sums) -> dict[str, float]:
        """The metrics of classification.py, of words, and `unknown_accuracy`; NaN where no word is unknown."""
        unknown = float(sums['unknown'])
        share = float(sums['unknown_right']) / unknown if unknown else math.nan
        return classification.values(sums) | dict(unknown_accuracy=share)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """The best that one tag does for each metric; the loss is of how often a word of train has each."""
        train_C, scored_C, unknown_C = (np.bincount(x_N, minlength=self.classes) for x_N in (
            self._words('train')[1], self._words(split)[1], self._unknown_tags(split)))  # fmt: skip
        share = float(unknown_C.max() / unknown_C.sum()) if unknown_C.any() else math.nan
        return classification.chance(train_C, scored_C) | dict(unknown_accuracy=share)

    def baselines(self, split: str) -> dict[str, dict[str, float]]:
        """A table of the commonest tag in train of each word, and of all words for those that it has not."""
        tokens_N, tags_N = self._words('train')
        counts_VC = np.zeros((self.vocabulary, self.classes), np.int64)
        np.add.at(counts_VC, (tokens_N, tags_N), 1)
        said_V = np.where(counts_VC.any(axis=1), counts_VC.argmax(axis=1), np.bincount(tags_N).argmax())
        tokens_N, tags_N = self._words(split)
        confusion_CC = np.zeros((self.classes, self.classes))
        np.add.at(confusion_CC, (tags_N, said_V[tokens_N]), 1)
        unknown_N = tokens_N == self.unknown
        right = float((said_V[tokens_N] == tags_N)[unknown_N].sum())
        sums = dict(confusion_CC=confusion_CC, loss=math.nan, weight=1, unknown=unknown_N.sum(), unknown_right=right)
        values = self.values(sums)
        return {'commonest tag of the word': {name: x for name, x in values.items() if not math.isnan(x)}}

    def _words(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Words of a split and their tags, without the ends of sentences."""
        tokens_N, tags_N = np.asarray(self.dataset.tokens[split]), np.asarray(self.dataset.tags[split])
        is_word_N = np.ones(len(tokens_N), bool)
        is_word_N[self.dataset.ends[split]] = False
        return tokens_N[is_word_N], tags_N[is_word_N]

    def _unknown_tags(self, split: str) -> np.ndarray:
        tokens_N, tags_N = self._words(split)
        return tags_N[tokens_N == self.unknown]

    def figures(self, sums: base.Sums) -> dict[str, dict]:
        """The confusion matrix, and the shares of each tag."""
        return classification.figures(sums, self.dataset.classes)

    def example(self, batch: base.Batch, row: int, said: np.ndarray) -> str:
        """A sentence with the tag of each word, and where another was said, that one too."""
        names, shown = self.dataset.classes, []
        for place in np.flatnonzero(batch['weights_BL'][row]):
            word = self.dataset.tokenizer.decode([batch['inputs_BL'][row][place]])
            wanted, got = int(batch['targets_BL'][row][place]), int(said[place])
            shown.append(f'{word}/{names[wanted]}' + ('' if got == wanted else f' (said {names[got]})'))
        return ' '.join(shown)


def _flat(outputs: jax.Array, batch: base.Batch) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Logits, targets and weights of all words, one after the other."""
    return outputs.reshape(-1, outputs.shape[-1]), batch['targets_BL'].reshape(-1), batch['weights_BL'].reshape(-1)
