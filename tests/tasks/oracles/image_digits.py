"""Digits: pixels of patches put back into an image, and the image looked for among those of the dataset."""

import functools
import math

import numpy as np

from posbench.datasets import images

SETTINGS = [{}, dict(patch=4)]
OTHER = dict(patch=4, crop=0.5)


@functools.cache
def dataset():
    """Every eleventh digit, three of a class or more in each split."""
    whole = images.load('digits')
    kept = {split: slice(None, None, 11 if split == 'train' else 5) for split in whole.images}
    return images.Images(
        'digits',
        {split: x[kept[split]] for split, x in whole.images.items()},
        {split: x[kept[split]] for split, x in whole.labels.items()},
        whole.classes,
        'every eleventh',
    )


def pixel(image, row, column, times):
    """Of the enlarged image, between the middles of the pixels around it."""
    height, width = image.shape

    def around(place, size):
        place = min(max((place + 0.5) / times - 0.5, 0), size - 1)
        low = min(math.floor(place), size - 2)
        return low, place - low

    (y, down), (x, right) = around(row, height), around(column, width)
    top = image[y][x] * (1 - right) + image[y][x + 1] * right
    bottom = image[y + 1][x] * (1 - right) + image[y + 1][x + 1] * right
    return top * (1 - down) + bottom * down


@functools.cache
def enlarged(split, times):
    """All images of a split, float64."""
    found = []
    for image in dataset().images[split].astype(np.float64):
        side = len(image) * times
        found.append([[pixel(image, row, column, times) for column in range(side)] for row in range(side)])
    return np.array(found)


def put_together(patches_LC, patch):
    """The image that these patches were cut from."""
    across = math.isqrt(len(patches_LC))
    image = np.zeros((across * patch, across * patch))
    for place, pixels in enumerate(patches_LC):
        for number, value in enumerate(pixels):
            row, column = place // across * patch + number // patch, place % across * patch + number % patch
            image[row, column] = value
    return image


def expected(task, batch, protocol):
    targets_B, inputs_BLC = [], np.asarray(batch['inputs_BLC'], np.float64)
    for patches_LC in inputs_BLC:
        image = put_together(patches_LC, task.patch)
        labels = set()
        for split in ['train'] if protocol is None else ['validation', 'test']:
            known = enlarged(split, len(image) // 8)
            near = np.abs(known - image).max(axis=(1, 2)) < 1e-5
            labels |= set(dataset().labels[split][near].tolist())
        assert len(labels) == 1, f'an image that is {sorted(labels) or "none of the split"}'
        targets_B.append(labels.pop())
    return dict(targets_B=np.array(targets_B), weights_B=np.asarray(batch['weights_B'] > 0, np.float32))


def counted(task, split, length, batches):
    """Of saying the commonest class, and of the frequencies of the training images."""
    train, scored = [0] * 10, [0] * 10
    for label in dataset().labels['train']:
        train[label] += 1
    for _, batch in batches:
        for label, weight in zip(batch['targets_B'], batch['weights_B']):
            scored[label] += int(weight)
    total = sum(scored)
    accuracy = max(scored) / total
    # One class has a recall of 1 and this precision, the others have none.
    classes = sum(count > 0 for count in scored)
    precision, recall, f1 = accuracy / classes, 1 / classes, 2 * accuracy / (1 + accuracy) / classes
    nats = -sum(count * math.log(train[label] / sum(train)) for label, count in enumerate(scored)) / total
    means = dict(macro_precision=(precision, 1e-6), macro_recall=(recall, 1e-6), macro_f1=(f1, 1e-6))
    return dict(accuracy=(accuracy, 1e-6), **means, micro_f1=(accuracy, 1e-6), loss=(nats, 1e-5))
