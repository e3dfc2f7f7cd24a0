"""Which digit is it? Patches of an image are the tokens, and a larger image is a longer sequence.

The images are the optical digits of UCI (posbench/datasets/digits). Patches as tokens: Dosovitskiy et al. 2021 (arXiv
2010.11929). Testing at another resolution than that of training, as in Heo et al. 2024 (arXiv 2403.13298): there the
images hold more detail, here they are enlarged, so that nothing is new but the positions and how smooth a patch is.
"""

import math
from collections.abc import Iterator
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from posbench.datasets.images import Images
from posbench.knobs import Range
from posbench.tasks import base, classification

_SHADES = ' .:-=+*#%@'


class Task(base.Task):
    """`length` patches of patch x patch pixels, row by row; the size of the image follows, a multiple of its own.

    With patches of 2, an image of 8 x 8 has 16 of them; 64 and 144 are the same image two and three times as large.

    crop: in training a square part of the image is shown in the place of all of it, somewhere in it, whose side is
      drawn evenly from this share of the image's side up to all of it. Without that (1), strokes have one size alone,
      and those of an enlarged image are nothing that a model knows.
    """

    reads: ClassVar[str] = 'images'
    says: ClassVar[str] = 'classes'
    metrics: ClassVar[dict[str, base.Metric]] = classification.metrics('image')
    protocols: ClassVar[dict[str, str]] = {
        'whole': 'every image of the split, enlarged until it has that many patches',
    }
    guess: ClassVar[str] = 'the commonest class, on every image of the split'

    # By split, float32 from 0 to 1, and int32.
    images_NYX: dict[str, jax.Array]
    labels_N: dict[str, jax.Array]
    names: tuple[str, ...] = base.constant()
    patch: Annotated[int, Range(min=1)] = base.option(2)
    crop: Annotated[float, Range(above=0, max=1)] = base.option(1.0)

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
        images_NYX, labels_N = (jnp.asarray(x['train']) for x in (self.images_NYX, self.labels_N))
        row_key, size_key, place_key = jax.random.split(rng, 3)
        row_B = jax.random.randint(row_key, (batch_size,), 0, len(labels_N))
        side = images_NYX.shape[1]
        size_B = side * jax.random.uniform(size_key, (batch_size,), minval=self.crop)
        first_B2 = (side - size_B)[:, None] * jax.random.uniform(place_key, (batch_size, 2))
        return self._batch(images_NYX[row_B], labels_N[row_B], length, first_B2, size_B)

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

    def _batch(self, images_BYX, labels_B, length: int, first_B2=0.0, size_B=None) -> base.Batch:
        side = images_BYX.shape[1]
        shown_BYX = resampled(
            images_BYX, side * self._times(side, length), first_B2, side if size_B is None else size_B
        )
        return dict(
            inputs_BLC=patches(shown_BYX, self.patch),
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
        """The metrics of classification.py."""
        return classification.values(sums)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Exact, whatever the length."""
        train_C, scored_C = (np.bincount(self.labels_N[name], minlength=self.classes) for name in ('train', split))
        return classification.chance(train_C, scored_C)

    def figures(self, sums: base.Sums) -> dict[str, dict]:
        """The confusion matrix."""
        return classification.figures(sums, self.names)

    def example(self, batch: base.Batch, row: int, said: np.ndarray) -> str:
        """An image in shades, what it shows, and what was said."""
        patches_LC = np.asarray(batch['inputs_BLC'][row])
        side = math.isqrt(len(patches_LC))
        patches_GGPP = patches_LC.reshape(side, side, self.patch, self.patch)
        image_YX = patches_GGPP.swapaxes(1, 2).reshape(side * self.patch, -1)
        shades_YX = np.rint(image_YX * (len(_SHADES) - 1)).astype(int)
        # Two letters a pixel, which is then about as wide as high.
        lines = [''.join(2 * _SHADES[shade] for shade in line).rstrip() for line in shades_YX]
        wanted = self.names[int(batch['targets_B'][row])]
        return '\n'.join([*lines, f'shows {wanted}, said to show {self.names[int(said)]}'])


def resampled(images_BYX: jax.Array, side: int, first_B2: jax.Array, size_B: jax.Array) -> jax.Array:
    """Square parts of square images, in side * side pixels: [B, side, side], by bilinear interpolation.

    Pixels have their value in their middle; between two middles it changes evenly, beyond the last one not at all.

    Args:
      first_B2: how many rows, and columns, stand before the part, a fraction of one too.
      size_B: the side of the part, in pixels of the image.
    """
    last = images_BYX.shape[1] - 1
    middle_Z = (jnp.arange(side) + 0.5) / side
    first_B2 = jnp.broadcast_to(jnp.asarray(first_B2), (images_BYX.shape[0], 2))
    place_B2Z = first_B2[..., None] + jnp.asarray(size_B).reshape(-1, 1, 1) * middle_Z - 0.5
    # What each pixel of the result takes from each row, and from each column.
    weights_B2ZY = 1 - jnp.abs(jnp.clip(place_B2Z, 0, last)[..., None] - jnp.arange(last + 1))
    down_BZY, across_BWX = jnp.moveaxis(jnp.maximum(weights_B2ZY, 0), 1, 0)
    # In full precision, so that a platform's fast products do not change what is read.
    return jnp.einsum('BZY,BWX,BYX->BZW', down_BZY, across_BWX, images_BYX, precision=jax.lax.Precision.HIGHEST)


def patches(images_BYX: jax.Array, side: int) -> jax.Array:
    """[B, L, C]: patches row by row, and in each its side * side pixels row by row."""
    batch, rows, columns = images_BYX.shape
    cut = images_BYX.reshape(batch, rows // side, side, columns // side, side)
    return cut.swapaxes(2, 3).reshape(batch, -1, side * side)
