"""Which digit is it? Patches of an image are the tokens, and a larger image is a longer sequence.

The images are the optical digits of UCI (posbench/datasets/digits). Patches as tokens: Dosovitskiy et al. 2021 (arXiv
2010.11929). Testing at another resolution than that of training, as in Heo et al. 2024 (arXiv 2403.13298): there the
images hold more detail, here they are enlarged, so that nothing is new but the positions and how smooth a patch is.
"""

import math
from collections.abc import Iterator
from typing import Annotated, ClassVar

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from posbench.datasets.images import Images
from posbench.knobs import Range
from posbench.tasks import base, classification


@flax.struct.dataclass
class Task(base.Task):
    """`length` patches of patch x patch pixels, row by row; the size of the image follows, a multiple of its own.

    With patches of 2, an image of 8 x 8 has 16 of them; 64 and 144 are the same image two and three times as large.
    """

    reads: ClassVar[str] = 'images'
    says: ClassVar[str] = 'classes'
    metrics: ClassVar[dict[str, base.Metric]] = classification.metrics('image')
    protocols: ClassVar[dict[str, str]] = {
        'whole': 'every image of the split, enlarged until it has that many patches',
    }

    # By split, float32 from 0 to 1, and int32.
    images_NYX: dict[str, jax.Array]
    labels_N: dict[str, jax.Array]
    names: tuple[str, ...] = flax.struct.field(pytree_node=False)
    patch: Annotated[int, Range(min=1)] = base.option(2)

    @classmethod
    def from_dataset(cls, dataset: Images, **options) -> 'Task':
        """The task on images, which have to be square."""
        return cls(dataset.images, dataset.labels, dataset.classes, **options)

    @property
    def classes(self) -> int:
        """What an image may show."""
        return len(self.names)

    def sample(self, rng: jax.Array, batch_size: int, length: int) -> base.Batch:
        """inputs_BLC (float32), targets_B (int32), weights_B (float32): images of the training split, drawn evenly."""
        labels_N = jnp.asarray(self.labels_N['train'])
        row_B = jax.random.randint(rng, (batch_size,), 0, len(labels_N))
        return self._batch(jnp.asarray(self.images_NYX['train'])[row_B], labels_N[row_B], length)

    def held_out(self, split: str, length: int, budget: base.Budget) -> Iterator[tuple[str, base.Batch]]:
        """All images of the split, or the first ones that the budget's tokens of the longest length reach for.

        So the same images are scored at every length.
        """
        if split not in ('validation', 'test'):
            raise ValueError(f'split: got {split!r}, wanted validation or test.')
        images_NYX, labels_N = np.asarray(self.images_NYX[split]), np.asarray(self.labels_N[split])
        count = len(labels_N) if budget.tokens is None else min(len(labels_N), budget.tokens // budget.longest)
        if count == 0:
            raise ValueError(f'evaluate.tokens: got {budget.tokens}, wanted at least {budget.longest}, one image.')
        size = min(budget.rows(length), count)
        for start in range(0, count, size):
            rows = slice(start, min(start + size, count))
            batch = self._batch(images_NYX[rows], labels_N[rows], length)
            yield 'whole', base.filled({name: np.asarray(x) for name, x in batch.items()}, size)

    def _batch(self, images_BYX, labels_B, length: int) -> base.Batch:
        return dict(
            inputs_BLC=patches(enlarged(images_BYX, self._times(images_BYX.shape[1], length)), self.patch),
            targets_B=labels_B,
            weights_B=np.ones(labels_B.shape, np.float32),
        )

    def _times(self, side: int, length: int) -> int:
        """How many times as large the image is that has `length` patches; ValueError where there is none."""
        times, rest = divmod(math.isqrt(length) * self.patch, side)
        if rest or times == 0 or math.isqrt(length) ** 2 != length:
            # Sides of an image in patches are whole numbers.
            first = side // math.gcd(side, self.patch)
            valid = ', '.join(str((n * first) ** 2) for n in (1, 2, 3))
            raise ValueError(f'length: got {length}, wanted {valid}, ...: images of {side} x {side} in patches of '
                             f'{self.patch} x {self.patch}, enlarged by whole numbers.')  # fmt: skip
        return times

    def loss(self, outputs: jax.Array, batch: base.Batch) -> tuple[jax.Array, jax.Array]:
        """Nats of the right classes."""
        return classification.loss(outputs, batch['targets_B'], batch['weights_B'])

    def score(self, outputs: jax.Array, batch: base.Batch) -> base.Sums:
        """See posbench/tasks/classification.py."""
        return classification.score(outputs, batch['targets_B'], batch['weights_B'])

    def values(self, sums: base.Sums) -> dict[str, float]:
        """accuracy (of images), macro_f1, loss (nats per image)."""
        return classification.values(sums)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Exact, whatever the length."""
        train_C, scored_C = (np.bincount(self.labels_N[name], minlength=self.classes) for name in ('train', split))
        return classification.chance(train_C, scored_C)

    def figures(self, sums: base.Sums) -> dict[str, dict]:
        """The confusion matrix."""
        return classification.figures(sums, self.names)


def bilinear(side: int, times: int) -> np.ndarray:
    """What each of side * times pixels of an enlarged line takes from each pixel of the line, float32.

    Pixels have their value in their middle; between two middles it changes evenly, beyond the last one not at all.
    """
    place_Z = np.clip((np.arange(side * times) + 0.5) / times - 0.5, 0, side - 1)
    return np.maximum(0, 1 - np.abs(place_Z[:, None] - np.arange(side))).astype(np.float32)


def enlarged(images_BYX: jax.Array, times: int) -> jax.Array:
    """Square images so many times as large, by bilinear interpolation."""
    if times == 1:
        return images_BYX
    weights_ZY = bilinear(images_BYX.shape[1], times)
    # In full precision, so that a platform's fast products do not change what is read.
    precision = jax.lax.Precision.HIGHEST
    return jnp.einsum('ZY,WX,BYX->BZW', weights_ZY, weights_ZY, images_BYX, precision=precision)


def patches(images_BYX: jax.Array, side: int) -> jax.Array:
    """[B, L, C]: patches row by row, and in each its side * side pixels row by row."""
    batch, rows, columns = images_BYX.shape
    cut = images_BYX.reshape(batch, rows // side, side, columns // side, side)
    return cut.swapaxes(2, 3).reshape(batch, -1, side * side)
