"""Which class a passage of a text is of: a window of tokens out of one document, with the document's class.

Documents of a split are cut into windows of L tokens, so that the same words are told apart with more or less of them
in sight; a longer passage is easier, and chance knows the frequencies of the windows of that length.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from posbench.datasets.labelled import Labelled
from posbench.tasks import base, classification
from posbench.tasks.text import padded


class Task(base.Task):
    """Passages of documents. D documents of the training split, by class.

    balanced: classes are drawn equally often in training, not as often as their documents are long. Off, because
      held-out passages have the frequencies of the documents, and accuracy decides; macro F1 may gain by it.
    framed: the tokens that a published tokenizer puts around a text, such as [CLS] and [SEP], stand around each passage
      and count as part of its length.
    """

    reads: ClassVar[str] = 'labelled'
    reads_texts: ClassVar[bool] = True
    says: ClassVar[str] = 'classes'
    metrics: ClassVar[dict[str, base.Metric]] = classification.metrics('passage')
    protocols: ClassVar[dict[str, str]] = {
        'windows': 'non-overlapping passages of that length, each within one document that is held out'
    }
    guess: ClassVar[str] = 'the commonest class, on all passages of that length in the split'

    tokens_N: jax.Array  # of the training documents, int32
    # Of each document: its first token, the place after its last one, and its class, int32. Classes stand together.
    starts_D: jax.Array
    ends_D: jax.Array
    labels_D: jax.Array
    dataset: Labelled | None = base.constant(None)
    balanced: bool = base.option(False)
    framed: bool = base.option(False)

    @classmethod
    def from_dataset(cls, dataset: Labelled, **options) -> 'Task':
        """The task on labelled documents, with the training tokens as they lie on the disk."""
        by_class_D = np.argsort(dataset.labels['train'], kind='stable')
        documents = (dataset.starts['train'], dataset.ends['train'], dataset.labels['train'])
        table = [np.asarray(x_D[by_class_D], np.int32) for x_D in documents]
        task = cls(dataset.tokens['train'], *table, dataset, **options)
        if task.framed and not task.frame:
            raise ValueError('text/classify: got framed=True, wanted a tokenizer that puts tokens around a text.')
        return task

    @property
    def vocabulary(self) -> int:
        """Ids of the tokenizer."""
        return self.dataset.vocabulary

    @property
    def classes(self) -> int:
        """Classes of the dataset."""
        return len(self.dataset.classes)

    def title(self, name: str) -> str:
        """With the name of the dataset, whose classes are its own."""
        return f'{name}/{self.dataset.name}'

    @property
    def class_names(self) -> tuple[str, ...]:
        """Those of the dataset."""
        return self.dataset.classes

    @property
    def frame(self) -> tuple[int, ...]:
        """The tokens that the tokenizer puts around a text, those before it first."""
        return *self.dataset.tokenizer.before, *self.dataset.tokenizer.after

    @property
    def around(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The tokens that stand before and after what is read."""
        return (self.dataset.tokenizer.before, self.dataset.tokenizer.after) if self.framed else ((), ())

    def read_texts(self, texts: Sequence[str], length: int) -> base.Batch:
        """See base.py."""
        return padded.of_texts(texts, self.dataset.tokenizer, self._passage(length), *self.around)

    def sample(self, rng: jax.Array, batch_size: int, length: int) -> base.Batch:
        """inputs_BL, targets_B (int32), weights_B (float32): passages from all places of train where one fits."""
        start_B, targets_B = self.draw(rng, batch_size, length)
        place_BL = start_B[:, None] + jnp.arange(self._passage(length), dtype=jnp.int32)
        return self._batch(jnp.asarray(self.tokens_N)[place_BL], targets_B)

    def draw(self, rng: jax.Array, batch_size: int, length: int) -> tuple[jax.Array, jax.Array]:
        """First tokens of passages and their classes, int32 [B]; `balanced`: classes first, then places in them."""
        self._check_fits('train', length)
        starts_D, labels_D = jnp.asarray(self.starts_D), jnp.asarray(self.labels_D)
        places_D = jnp.maximum(self.ends_D - starts_D - self._passage(length) + 1, 0)
        until_D = jnp.cumsum(places_D, dtype=jnp.int32)
        low_B, high_B = 0, until_D[-1]
        if self.balanced:
            rng, of_class = jax.random.split(rng)
            places_C = jax.ops.segment_sum(places_D, labels_D, self.classes, indices_are_sorted=True)
            # Classes that have a place come first.
            order_C = jnp.argsort(places_C == 0, stable=True)
            class_B = order_C[jax.random.randint(of_class, (batch_size,), 0, (places_C > 0).sum())]
            high_B = jnp.cumsum(places_C, dtype=jnp.int32)[class_B]
            low_B = high_B - places_C[class_B]
        place_B = jax.random.randint(rng, (batch_size,), low_B, high_B, dtype=jnp.int32)
        document_B = jnp.searchsorted(until_D, place_B, side='right', method='compare_all').astype(jnp.int32)
        before_B = until_D[document_B] - places_D[document_B]
        return starts_D[document_B] + place_B - before_B, labels_D[document_B]

    def held_out(self, split: str, length: int, budget: base.Budget) -> Iterator[tuple[str, base.Batch]]:
        """Passages of held-out documents, cut from their starts; where the budget is smaller, spread evenly over them.

        Documents that are shorter than a passage are left out.
        """
        start_W, target_W = self.passages(split, length)
        if budget.tokens is not None and (count := max(budget.tokens // length, 1)) < len(start_W):
            spread = np.arange(count) * len(start_W) // count
            start_W, target_W = start_W[spread], target_W[spread]
        rows, passage_L = budget.rows(length), np.arange(self._passage(length))
        for first in range(0, len(start_W), rows):
            start_B = start_W[first : first + rows]
            window_BL = np.asarray(self.dataset.tokens[split][start_B[:, None] + passage_L], np.int32)
            yield 'windows', base.filled(self._batch(window_BL, target_W[first : first + rows]), rows)

    def passages(self, split: str, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Every non-overlapping passage of a split: its first token, and its class. ValueError where there is none."""
        self._check_fits(split, length)
        passage, data = self._passage(length), self.dataset
        count_D = (data.ends[split] - data.starts[split]) // passage
        starts = [start + np.arange(count) * passage for start, count in zip(data.starts[split], count_D)]
        return np.concatenate(starts), np.repeat(data.labels[split], count_D)

    def _passage(self, length: int) -> int:
        """Tokens of a document in a sequence of `length`."""
        return length - len(self.frame) if self.framed else length

    def _check_fits(self, split: str, length: int) -> None:
        longest = int((self.dataset.ends[split] - self.dataset.starts[split]).max())
        passage = self._passage(length)
        if not 1 <= passage <= longest:
            around = length - passage
            raise ValueError(
                f'text/classify: got length {length}, wanted from {1 + around} to {longest + around} tokens, '
                f'as the longest document of {split} has.'
            )

    def _batch(self, window_BL: jax.Array, targets_B: jax.Array) -> base.Batch:
        xp = np if isinstance(window_BL, np.ndarray) else jnp
        if self.framed:
            around = [xp.tile(xp.array(ids, xp.int32), (window_BL.shape[0], 1)) for ids in self.around]
            window_BL = xp.concatenate([around[0], window_BL, around[1]], axis=1)
        return dict(inputs_BL=window_BL, targets_B=targets_B, weights_B=xp.ones(targets_B.shape, xp.float32))

    def loss(self, outputs: jax.Array, batch: base.Batch) -> tuple[jax.Array, jax.Array]:
        """Nats of the classes."""
        return classification.loss(outputs, batch['targets_B'], batch['weights_B'])

    def score(self, outputs: jax.Array, batch: base.Batch) -> base.Sums:
        """How often a class was said of another, and nats."""
        return classification.score(outputs, batch['targets_B'], batch['weights_B'])

    def values(self, sums: base.Sums) -> dict[str, float]:
        """The metrics of classification.py."""
        return classification.values(sums)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Of the commonest class of all passages of that length; the loss is of how the tokens of train are shared."""
        train_C = np.bincount(self.labels_D, weights=self.ends_D - self.starts_D, minlength=self.classes)
        scored_C = np.bincount(self.passages(split, length)[1], minlength=self.classes)
        return classification.chance(train_C, scored_C)

    def figures(self, sums: base.Sums) -> dict[str, dict]:
        """The confusion matrix."""
        return classification.figures(sums, [name.replace('_', ' ') for name in self.dataset.classes])

    @property
    def spelled(self) -> list[str]:
        """The text of every token."""
        return [self.dataset.tokenizer.decode([token]) for token in range(self.vocabulary)]

    def example(self, batch: base.Batch, row: int, said: np.ndarray) -> str:
        """A passage, its class, and the one that was said."""
        return self._described(batch['inputs_BL'][row], batch, row, said)

    def _described(self, tokens_L: np.ndarray, batch: base.Batch, row: int, said: np.ndarray) -> str:
        names, text = self.dataset.classes, ' '.join(self.dataset.tokenizer.decode(tokens_L).split())
        return f'{text}\nis from {names[int(batch["targets_B"][row])]}, said to be from {names[int(said)]}'
