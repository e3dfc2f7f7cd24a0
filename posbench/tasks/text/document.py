"""Which class a document is of, read as a whole: one document a row, cut to the length or filled up to it.

For documents that are about as long as a sequence, such as a sentence out of a review: every one is read, and scored
once. Longer ones are read from their start to the length, which classify.py does not do, of whose passages a document
has as many as fit into it.
"""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from posbench.knobs import Path
from posbench.tasks import base, classification
from posbench.tasks.text import classify, padded


@dataclasses.dataclass(frozen=True, eq=False)
class Tags:
    """What tells tags (training/tags.py), and those of each split plus 1, int32 [N], 0 where there is no word."""

    tagger: Any
    of_split: dict[str, np.ndarray]


class Task(classify.Task):
    """Whole documents. D documents of the training split, by class.

    balanced: classes are drawn equally often in training, not as often as they have documents.
    framed: the tokens that a published tokenizer puts around a text stand around each document and count as part of the
      length.
    tagger: the folder of a run of text/tag, whose tag of each word stands beside it, for config.input.features. The
      tokenizer is then 'words'; a word that its vocabulary has not is unknown to the tagger too.

    How many documents are scored is config.evaluate.tokens over the longest length, and all where that is None.
    """

    metrics: ClassVar[dict[str, base.Metric]] = classification.metrics('document')
    protocols: ClassVar[dict[str, str]] = {'whole': 'held-out documents, each cut to that length or filled up to it'}
    guess: ClassVar[str] = 'the commonest class, on all documents of the split'

    # Of the training tokens, int32: the tag of each plus 1, where there is a tagger.
    features_N: jax.Array | None = None
    tags: Tags | None = base.constant(None)
    tagger: Path | None = base.option(None)

    @property
    def features(self) -> int | None:
        """Tags, and what has none."""
        return None if self.tags is None else len(self.tags.tagger.names) + 1

    def with_tags(self, tagger: Any) -> 'Task':
        """This task with tags beside its words; ValueError where its tokens are no words."""
        data = self.dataset
        if not hasattr(data.tokenizer, 'segment'):
            raise ValueError("config.dataset.tokenizer: got one of pieces, wanted 'words' beside config.task.tagger")
        spelled_V, found = np.array(data.tokenizer.spelled, object), {}
        for split, tokens_N in data.tokens.items():
            found[split] = np.zeros(len(tokens_N), np.int32)
            bounds = [*zip(data.starts[split], data.ends[split])]
            documents = [spelled_V[tokens_N[start:end]].tolist() for start, end in bounds]
            for (start, end), tags_N in zip(bounds, tagger.tags(documents)):
                found[split][start:end] = tags_N + 1
        named = hashlib.sha256(f'{data.fingerprint} {tagger.digest}'.encode()).hexdigest()
        data = dataclasses.replace(data, fingerprint=named)
        return self.replace(features_N=found['train'], tags=Tags(tagger, found), dataset=data)

    def sample(self, rng: jax.Array, batch_size: int, length: int) -> base.Batch:
        """inputs_BL, segment_ids_BL, targets_B (int32), weights_B (float32): documents of train, drawn evenly."""
        start_B, end_B, targets_B = self.draw(rng, batch_size)
        place_BL = start_B[:, None] + jnp.arange(self._room(length), dtype=jnp.int32)
        read = [
            None if x_N is None else jnp.asarray(x_N).at[place_BL].get(mode='clip')
            for x_N in (self.tokens_N, self.features_N)
        ]
        return self._rows(*read, end_B - start_B, targets_B)

    def draw(self, rng: jax.Array, batch_size: int) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Where documents start, where they end, and their classes, int32 [B]; `balanced`: classes first."""
        table = [jnp.asarray(x_D) for x_D in (self.starts_D, self.ends_D, self.labels_D)]
        low_B, high_B = 0, len(self.labels_D)
        if self.balanced:
            rng, of_class = jax.random.split(rng)
            count_C = jnp.bincount(table[2], length=self.classes)
            # Classes that have a document come first.
            order_C = jnp.argsort(count_C == 0, stable=True)
            class_B = order_C[jax.random.randint(of_class, (batch_size,), 0, (count_C > 0).sum())]
            high_B = jnp.cumsum(count_C)[class_B]
            low_B = high_B - count_C[class_B]
        row_B = jax.random.randint(rng, (batch_size,), low_B, high_B, dtype=jnp.int32)
        return tuple(x_D[row_B] for x_D in table)

    def held_out(self, split: str, length: int, budget: base.Budget) -> Iterator[tuple[str, base.Batch]]:
        """Documents of the split, all or as many as the budget has rows of the longest length, spread evenly over it.

        So the same documents are scored at every length.
        """
        data, room = self.dataset, self._room(length)
        which_W = np.arange(len(data.labels[split]))
        if budget.tokens is not None and (count := budget.tokens // budget.longest) < len(which_W):
            if count == 0:
                raise ValueError(f'config.evaluate.tokens: got {budget.tokens}, wanted at least {budget.longest}')
            which_W = np.arange(count) * len(which_W) // count
        rows = min(budget.rows(length), len(which_W))
        for first in range(0, len(which_W), rows):
            which_B = which_W[first : first + rows]
            start_B, end_B = data.starts[split][which_B], data.ends[split][which_B]
            place_BL = np.minimum(start_B[:, None] + np.arange(room), len(data.tokens[split]) - 1)
            tokens_BN = np.asarray(data.tokens[split][place_BL], np.int32)
            features_BN = None if self.tags is None else self.tags.of_split[split][place_BL]
            batch = self._rows(tokens_BN, features_BN, end_B - start_B, data.labels[split][which_B])
            yield 'whole', base.filled(batch, rows)

    def read_texts(self, texts: Sequence[str], length: int) -> base.Batch:
        """See base.py; with the tags of their words, where there is a tagger."""
        batch = super().read_texts(texts, length)
        if self.tags is None:
            return batch
        tokenizer, room = self.dataset.tokenizer, self._room(length)
        known = [np.array(tokenizer.spelled, object)[tokenizer.encode(text)].tolist() for text in texts]
        tags_BN = np.stack([
            np.pad(tags_N[:room] + 1, (0, max(room - len(tags_N), 0))) for tags_N in self.tags.tagger.tags(known)
        ])  # fmt: skip
        return batch | self._beside(tags_BN, batch['size_B'])

    def _room(self, length: int) -> int:
        """Tokens of a document in a sequence of `length`."""
        room = self._passage(length)
        if room < 1:
            raise ValueError(f'text/document: got length {length}, wanted at least {length - room + 1} tokens.')
        return room

    def _rows(self, tokens_BN, features_BN, size_B, targets_B) -> base.Batch:
        """A batch of documents of so many tokens, of which `tokens_BN` has those that fit, and anything after them."""
        xp = np if isinstance(tokens_BN, np.ndarray) else jnp
        weights_B = xp.ones(targets_B.shape, xp.float32)
        batch = dict(padded.rows(tokens_BN, size_B, *self.around), targets_B=targets_B, weights_B=weights_B)
        return batch if features_BN is None else batch | self._beside(features_BN, size_B)

    def _beside(self, features_BN, size_B) -> base.Batch:
        """features_BL, 0 where nothing has a tag."""
        nothing = ([0] * len(around) for around in self.around)
        return dict(features_BL=padded.rows(features_BN, size_B, *nothing)['inputs_BL'])

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Of the commonest class of the split's documents; the loss is of how those of train are shared."""
        train_C, scored_C = (
            np.bincount(self.dataset.labels[name], minlength=self.classes) for name in ('train', split)
        )
        return classification.chance(train_C, scored_C)

    def example(self, batch: base.Batch, row: int, said: np.ndarray) -> str:
        """A document without what fills it up, its class, and the one that was said."""
        return self._described(batch['inputs_BL'][row][batch['segment_ids_BL'][row] >= 0], batch, row, said)
