"""The shipped digits: what they are, where they come from, and which split each is in."""

import gzip
import io
import zipfile

import numpy as np
import pytest

from posbench.datasets import digits, images
from posbench.datasets.digits import extract
from posbench.datasets.sources import DatasetError


@pytest.fixture(scope='module')
def data():
    return images.load('digits')


def test_there_are_1797_digits_of_8_x_8_pixels():
    pixels_NYX, labels_N = digits.images()
    assert pixels_NYX.shape == (1797, 8, 8) and pixels_NYX.dtype == np.uint8 and pixels_NYX.max() == 16
    # As scikit-learn says of `load_digits`.
    np.testing.assert_array_equal(np.bincount(labels_N), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])


def test_the_first_digit_is_the_0_of_the_manual():
    """`digits.images[0]` in scikit-learn's tutorial."""
    pixels_NYX, labels_N = digits.images()
    assert labels_N[0] == 0
    wanted = [[0, 0, 5, 13, 9, 1, 0, 0], [0, 0, 13, 15, 10, 15, 5, 0], [0, 3, 15, 2, 0, 11, 8, 0]]
    np.testing.assert_array_equal(pixels_NYX[0, :3], wanted)


def test_another_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r'digits\.csv\.gz are missing'):
        digits.images(tmp_path)
    (tmp_path / 'digits.csv.gz').write_bytes(gzip.compress(b'0,1\n'))
    with pytest.raises(ValueError, match=f'wanted {digits.SHA256}; restore it'):
        digits.images(tmp_path)


def test_only_the_wheel_of_the_provenance_is_taken_apart():
    other = io.BytesIO()
    with zipfile.ZipFile(other, 'w') as archive:
        archive.writestr(extract.MEMBER, b'0,1\n')
    with pytest.raises(ValueError, match=f'wanted {extract.WHEEL_SHA256}'):
        extract.digits(other.getvalue())


def test_the_provenance_names_the_file_and_the_wheel():
    folder = images.digits.__path__[0]
    with open(f'{folder}/PROVENANCE.md', encoding='utf-8') as file:
        provenance = file.read()
    assert digits.SHA256 in provenance and extract.WHEEL_SHA256 in provenance


def test_every_digit_is_in_one_split_and_every_class_has_the_same_share_of_each(data):
    assert sum(len(x) for x in data.labels.values()) == 1797
    for split, share in (('train', 0.6), ('validation', 0.2), ('test', 0.2)):
        counts_C = np.bincount(data.labels[split], minlength=10)
        np.testing.assert_allclose(counts_C / np.bincount(digits.images()[1]), share, atol=0.01)
        assert data.images[split].shape == (counts_C.sum(), 8, 8)


def test_splits_go_by_the_place_among_the_images_of_a_class():
    found = images.splits(np.array([7, 7, 7, 2, 7, 7, 7, 2, 7, 7, 7, 7]))
    train, validation, test = 'train', 'validation', 'test'
    sevens = [train, train, train, validation, test, train, train, train, validation, test]
    assert found.tolist() == [*sevens[:3], train, *sevens[3:6], train, *sevens[6:]]


def test_no_image_is_in_two_splits(data):
    seen = {split: {image.tobytes() for image in data.images[split]} for split in data.images}
    assert not (seen['train'] & seen['test'] or seen['train'] & seen['validation'] or seen['validation'] & seen['test'])


def test_pixels_go_from_0_to_1(data):
    for x in data.images.values():
        assert x.dtype == np.float32 and x.min() == 0 and x.max() == 1


def test_an_unknown_name_is_one_line():
    with pytest.raises(DatasetError, match=r"dataset.name: got 'digit', wanted 'digits'\."):
        images.load('digit')
