"""Tasks that are one function: a row of tokens from a key. All that a task has besides follows from the rows.

A subclass called Task, of ByRow, with a method `row(key, length)`; README.md has one.
"""

import functools
import math
from collections.abc import Iterator
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from posbench import streams
from posbench.knobs import Range
from posbench.tasks import base, generated

COUNTED = 4096  # rows from which a predictor that knows places alone is learned


class ByRow(base.Task):
    """Base of tasks of a decoder whose sequences are made on the device, and whose scored tokens are right or wrong.

    symbols: tokens that there are.
    """

    metrics: ClassVar[dict[str, base.Metric]] = {
        'accuracy': base.Metric('of scored tokens', 'higher', decides=True, share=True),
        'loss': base.Metric('nats per scored token', 'lower'),
    }
    protocols: ClassVar[dict[str, str]] = {
        'held_out': 'every scored token of sequences of that length, never trained on'
    }
    next_token: ClassVar[bool] = True
    guess: ClassVar[str] = 'the commonest token of each place, counted on sequences like those of training'

    symbols: Annotated[int, Range(min=2)] = base.option(16)

    def row(self, key: jax.Array, length: int) -> dict[str, jax.Array]:
        """inputs_L, targets_L (int32) and weights_L (float32) of one sequence: what is read, and said at each place."""
        raise NotImplementedError

    @property
    def vocabulary(self) -> int:
        """The symbols; a subclass may add others."""
        return self.symbols

    def sample(self, rng: jax.Array, batch_size: int, length: int) -> base.Batch:
        """Rows of keys of their own."""
        return self._rows(jax.random.split(rng, batch_size), length)

    def held_out(self, split: str, length: int, budget: base.Budget) -> Iterator[tuple[str, base.Batch]]:
        """Rows of keys that no batch of training has."""
        for batch in generated.held_out(self._rows, length, split=split, protocol=0, length=length, budget=budget):
            yield next(iter(self.protocols)), batch

    def _rows(self, keys_B: jax.Array, length: int) -> base.Batch:
        rows = jax.vmap(lambda key: self.row(key, length))(keys_B)
        return {name.replace('_L', '_BL'): x for name, x in rows.items()}

    def loss(self, outputs: jax.Array, batch: base.Batch) -> tuple[jax.Array, jax.Array]:
        """Nats of the targets."""
        return generated.loss(outputs, batch)

    def score(self, outputs: jax.Array, batch: base.Batch) -> base.Sums:
        """Right tokens and their weight by place, and nats; NaN where logits are NaN."""
        weights_BL = batch['weights_BL']
        right_BL = (outputs.argmax(axis=-1) == batch['targets_BL']).astype(jnp.float32)
        # The place of a NaN would pass for the largest one, and so for an answer.
        right_BL = jnp.where(jnp.isnan(outputs).any(axis=-1), jnp.nan, right_BL)
        right_L = jnp.where(weights_BL > 0, right_BL * weights_BL, 0.0).sum(axis=0)
        return dict(right_L=right_L, weights_L=weights_BL.sum(axis=0), nats=self.loss(outputs, batch)[0])

    def values(self, sums: base.Sums) -> dict[str, float]:
        """accuracy (of scored tokens), loss (nats per scored token)."""
        weight = float(np.sum(sums['weights_L'])) or math.nan
        return dict(accuracy=float(np.sum(sums['right_L'])) / weight, loss=float(sums['nats']) / weight)

    def places(self, sums: base.Sums) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Accuracy by place."""
        return {'accuracy': (sums['right_L'], sums['weights_L'])}

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Of saying the commonest token of each place, and its frequencies there, counted on rows of training."""
        return dict(_chance(self, length))


@functools.lru_cache(maxsize=256)
def _chance(task: ByRow, length: int) -> tuple[tuple[str, float], ...]:
    batch = jax.jit(lambda key: task.sample(key, COUNTED, length))(streams.key(0, 'held_out', 2))
    targets_BL, weights_BL = (np.asarray(batch[name]) for name in ('targets_BL', 'weights_BL'))
    counts_LV = np.zeros((targets_BL.shape[1], task.vocabulary))
    np.add.at(counts_LV, (np.arange(targets_BL.shape[1])[None], targets_BL), weights_BL)
    # Where nothing is ever scored, nothing is counted.
    weight_L1 = np.maximum(counts_LV.sum(axis=1, keepdims=True), 1e-9)
    p_LV = counts_LV / weight_L1
    nats = -(counts_LV * np.log(np.maximum(p_LV, 1e-9))).sum()
    total = counts_LV.sum()
    return ('accuracy', float(counts_LV.max(axis=1).sum() / total)), ('loss', float(nats / total))
