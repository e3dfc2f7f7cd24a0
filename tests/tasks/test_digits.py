"""What of an image is shown, and how large."""

import jax
import numpy as np
import pytest

from posbench import tasks
from posbench.datasets import images
from posbench.tasks import base
from posbench.tasks.image import digits


@pytest.fixture(scope='module')
def data():
    return images.load('digits')


def test_a_part_of_an_image_lies_where_it_is_asked_for():
    """On a slope, where interpolation is exact: 10 a row and 1 a column."""
    slope_YX = 10.0 * np.arange(8)[:, None] + np.arange(8)
    first_B2, size_B = np.array([[1.0, 3.0], [2.5, 0.75]]), np.array([4.0, 5.0])
    found = digits.resampled(np.stack([slope_YX] * 2), 8, first_B2, size_B)
    for row, ((top, left), size) in enumerate(zip(first_B2, size_B)):
        middle_Z = (np.arange(8) + 0.5) * size / 8 - 0.5
        wanted = 10 * (top + middle_Z)[:, None] + left + middle_Z
        np.testing.assert_allclose(found[row], wanted, rtol=1e-5)


def test_the_border_goes_on_beyond_the_last_middle():
    corner_YX = np.zeros((8, 8))
    corner_YX[0, 0] = 1.0
    found = np.asarray(digits.resampled(corner_YX[None], 16, 0.0, 8))[0]
    # Middles of the new pixels are a quarter of an old one before the first middle, and a quarter past it.
    np.testing.assert_allclose(found[0, :4], [1.0, 0.75, 0.25, 0.0], atol=1e-6)
    np.testing.assert_allclose(found, found[0][:, None] * found[0], atol=1e-6)


def test_an_example_is_the_image_in_shades(data):
    task = digits.Task.from_dataset(data)
    image_YX = np.zeros((1, 8, 8))
    image_YX[0, 1, 2], image_YX[0, 5, 7] = 1.0, 0.5
    batch = dict(inputs_BLC=np.asarray(digits.patches(image_YX, 2)), targets_B=np.array([3]))
    *lines, sentence = task.example(batch, 0, np.int32(5)).split('\n')
    assert lines == ['', '    @@', '', '', '', ' ' * 14 + '==', '', '']
    assert sentence == 'shows 3, said to show 5'


def test_patches_are_read_row_by_row_inside_and_out():
    image_YX = np.arange(16).reshape(1, 4, 4)
    wanted = [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    np.testing.assert_array_equal(digits.patches(image_YX, 2)[0], wanted)


def test_parts_of_an_image_are_of_every_size_that_is_asked_for():
    """Of an image that is white on its left half, the share of white tells where the part lies."""
    half = np.zeros((1, 8, 8), np.float32)
    half[:, :, :4] = 1.0
    task = digits.Task(
        images_NYX={'train': half}, labels_N={'train': np.zeros(1, np.int32)}, names=('half',), crop=0.25
    )
    white_B = np.asarray(task.sample(jax.random.key(0), 2000, 16)['inputs_BLC']).mean(axis=(1, 2))
    assert white_B.min() < 0.02 and white_B.max() > 0.98, 'a part of a quarter lies on one side'
    assert abs(white_B.mean() - 0.5) < 0.03
    whole = task.replace(crop=1.0).sample(jax.random.key(0), 5, 16)['inputs_BLC']
    np.testing.assert_allclose(np.asarray(whole).mean(axis=(1, 2)), 0.5, rtol=1e-6)


@pytest.mark.parametrize('length', [17, 36, 0])
def test_a_length_that_is_no_image_says_which_ones_are(data, length):
    task = tasks.build('image/digits', dataset=data)
    with pytest.raises(ValueError, match=f'length: got {length}, wanted 16, 64, 144, ...: images of 8 x 8'):
        task.sample(jax.random.key(0), 2, length)


def test_no_image_in_the_budget_is_one_line(data):
    task = tasks.build('image/digits', dataset=data)
    with pytest.raises(ValueError, match=r'evaluate\.tokens: got 100, wanted at least 144, one image'):
        next(task.held_out('test', 16, base.Budget(100, 1000, 144)))
