"""A curve as one number, and values beyond chance: by hand."""

import math

import numpy as np
import pytest

from posbench.report.statistics import by_length
from posbench.report.statistics.skill import skill


def test_the_area_is_the_mean_over_log_length():
    assert by_length.area({128: 0.3}) == 0.3
    assert by_length.area({128: 0.3, 1024: 0.3, 200: 0.3}) == pytest.approx(0.3)
    # Straight in log length: 1x to 2x is a third of the way to 8x.
    assert by_length.area({128: 1.0, 256: 2 / 3, 1024: 0.0}) == pytest.approx(0.5)
    # From 1x to 2x the mean is 1, from 2x to 8x it is 1/2.
    assert by_length.area({1: 1.0, 2: 1.0, 8: 0.0}) == pytest.approx((1 + 2 * 0.5) / 3)
    fine = np.unique(np.geomspace(10, 10_000, 400).astype(int))
    assert by_length.area({int(n): math.log(n) ** 2 for n in fine}) == pytest.approx(
        (math.log(10_000) ** 3 - math.log(10) ** 3) / 3 / math.log(1000), rel=1e-4
    )


def test_neither_the_unit_of_length_nor_the_order_changes_an_area():
    curve = {16: 0.9, 40: 0.7, 128: 0.1}
    assert by_length.area({10 * n: y for n, y in curve.items()}) == pytest.approx(by_length.area(curve))
    assert by_length.area(dict(reversed(curve.items()))) == by_length.area(curve)


def test_a_curve_with_a_hole_has_no_area():
    assert math.isnan(by_length.area({16: 1.0, 32: math.nan, 64: 1.0}))
    for wrong, words in (
        ({}, 'got lengths none'),
        ({0: 1.0, 16: 1.0}, 'got lengths 0, 16, wanted at least one, from 1'),
    ):
        with pytest.raises(ValueError, match=words):
            by_length.area(wrong)


@pytest.mark.parametrize(
    ('skills', 'length'),
    [
        ({32: 1.0, 128: 0.0}, 64),  # Half way in log length.
        ({32: 0.8, 64: 0.6, 128: 0.2}, 64 * 2**0.5),
        ({32: 0.8, 64: 0.4, 128: 0.0}, 64),
        ({32: 1.0, 64: -1.0}, 32 * 2**0.25),  # Below chance.
        ({32: 1.0, 64: math.nan, 128: 1.0}, 32 * 2**0.5),  # What is no number keeps nothing.
        ({8: 0.1, 32: 1.0, 64: 0.2, 128: 0.9}, 32 * 2**0.625),  # The first time; shorter lengths are no loss.
        ({32: 1.0, 64: 0.51}, math.inf),
        ({32: 0.4}, math.inf),
        ({32: 0.0, 64: 0.0}, math.nan),
        ({32: -0.1, 64: 0.5}, math.nan),
        ({32: math.nan, 64: 0.5}, math.nan),
    ],
)
def test_half_is_lost_where_half_of_what_was_beyond_chance_is(skills, length):
    assert by_length.half_length(skills, 32) == pytest.approx(length, nan_ok=True)
    assert by_length.half_length(dict(reversed(skills.items())), 32) == pytest.approx(length, nan_ok=True)
    # Kept is a share: the unit of the skills does not count, so that bits below a unigram model's will do.
    assert by_length.half_length({n: 3 * x for n, x in skills.items()}, 32) == pytest.approx(length, nan_ok=True)


def test_a_training_length_that_was_not_scored_is_said():
    with pytest.raises(ValueError, match='got lengths 64, 128; wanted 32 among them'):
        by_length.half_length({128: 1.0, 64: 1.0}, 32)


def test_skill_is_0_of_chance_and_1_of_perfect_whichever_way_is_better():
    assert [skill(x, 0.25) for x in (0.25, 1.0, 0.625, 0.0)] == pytest.approx([0, 1, 0.5, -1 / 3])
    assert [skill(x, 0.5, perfect=0.0) for x in (0.5, 0.0, 0.25, 0.75)] == pytest.approx([0, 1, 0.5, -0.5])
    # An accuracy, and the error that is the same.
    assert skill(0.7, 0.2) == pytest.approx(skill(0.3, 0.8, perfect=0.0))
    assert skill(3.0, 4.4, perfect=1.6) == pytest.approx(0.5)
    assert math.isnan(skill(1.0, 1.0)) and math.isnan(skill(math.nan, 0.5))
