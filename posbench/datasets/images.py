"""Images with a class each, in three splits that share none of them.

    digits = images.load('digits')
    digits.images['train']  # float32 [N, Y, X], from 0 (background) to 1

NumPy only.
"""

import dataclasses
from typing import Literal

import numpy as np

from posbench.datasets import digits
from posbench.datasets.sources import DatasetError


@dataclasses.dataclass(frozen=True)
class Images:
    """By split: images_NYX, float32 from 0 to 1, and labels_N, int32, places in `classes`."""

    name: str
    images: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    classes: tuple[str, ...]
    fingerprint: str  # SHA-256 that changes with any image


def load(name: Literal['digits'] = 'digits') -> Images:
    """The images called `name`, which are 'digits' (posbench/datasets/digits). Raises DatasetError."""
    if name != 'digits':
        raise DatasetError(f"dataset.name: got {name!r}, wanted 'digits'.")
    try:
        pixels_NYX, labels_N = digits.images()
    except ValueError as error:
        raise DatasetError(str(error)) from error
    images_NYX, split_N = pixels_NYX.astype(np.float32) / digits.LARGEST, splits(labels_N)
    parts = {split: np.flatnonzero(split_N == split) for split in ('train', 'validation', 'test')}
    return Images(
        name,
        {split: images_NYX[rows] for split, rows in parts.items()},
        {split: labels_N[rows] for split, rows in parts.items()},
        digits.NAMES,
        digits.SHA256,
    )


def splits(labels_N: np.ndarray) -> np.ndarray:
    """The split of each image: of every class, in file order, three are trained on, one is validation, one is test.

    Neighbours in the file were written by one hand, so that all splits have the same hands: what is asked is not how
    well a model reads the hand of somebody new. Each class has the same share of every split.
    """
    split_N = np.full(len(labels_N), 'train', dtype='<U10')
    for label in np.unique(labels_N):
        rows = np.flatnonzero(labels_N == label)
        split_N[rows[3::5]], split_N[rows[4::5]] = 'validation', 'test'
    return split_N
