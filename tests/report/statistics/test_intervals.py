"""Means, middles, shares and differences with their intervals, against scipy, all resamples there are, and formulas."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from scipy import stats

from posbench.report import statistics, texts
from posbench.report.statistics import (
    aggregate,
    differences,
    improvement,
    profiles,
    resampling,
    scores,
    success,
    summarize,
)

RNG = np.random.default_rng(7)
VALUES = RNG.uniform(size=(4, 5))


def every_resample(value_TS: np.ndarray) -> np.ndarray:
    """All value_RTS that the seeds of each task give, each as likely."""
    tasks, seeds = value_TS.shape
    each = itertools.product(range(seeds), repeat=seeds)
    every = itertools.product(each, repeat=tasks)
    return np.array([[value_TS[t, list(one[t])] for t in range(tasks)] for one in every])


def holds_95_percent(found: statistics.Summary, every_R) -> bool:
    """Whether 2.5 % of all resamples lie beyond either end, of those that lie at it as many as it takes."""
    every_R = np.asarray(every_R)
    below = [(every_R < found.low - 1e-9).mean(), (every_R <= found.low + 1e-9).mean()]
    above = [(every_R > found.high + 1e-9).mean(), (every_R >= found.high - 1e-9).mean()]
    return all(less <= 0.03 and more >= 0.02 for less, more in (below, above))


def test_the_mean_of_one_task_is_that_of_its_cell_to_the_last_digit():
    assert aggregate.mean(VALUES[0]) == summarize(VALUES[0].tolist())


@pytest.mark.parametrize('shape', [(1, 3), (1, 10), (2, 5), (3, 4), (10, 3)])
def test_the_interquartile_mean_is_scipys_trimmed_mean(shape):
    values = RNG.normal(size=shape)
    assert aggregate.interquartile_mean(values).mean == pytest.approx(stats.trim_mean(values.ravel(), 0.25))


@pytest.mark.parametrize(
    ('found', 'statistic'),
    [
        (aggregate.mean, lambda x: x.mean()),
        (aggregate.interquartile_mean, lambda x: stats.trim_mean(x.ravel(), 0.25)),
        (aggregate.median, lambda x: np.median(x.ravel())),
        (aggregate.median_of_means, lambda x: np.median(x.mean(axis=1))),
        (lambda x: aggregate.optimality_gap(x, 0.6), lambda x: np.maximum(0.6 - x, 0).mean()),
    ],
)
def test_intervals_are_those_of_all_resamples_within_each_task(found, statistic):
    values = np.array([[0.1, 0.25, 0.9], [0.3, 0.45, 0.5]])
    one = found(values)
    assert one.mean == pytest.approx(statistic(values))
    assert holds_95_percent(one, [statistic(other) for other in every_resample(values)])
    assert (one.seeds, one.finite) == (3, 3)


def test_tasks_weigh_the_same_and_their_order_does_not_count():
    moved = [aggregate.interquartile_mean(VALUES[list(order)]) for order in itertools.permutations(range(4))]
    assert len({round(one.mean, 12) for one in moved}) == 1
    assert max(one.low for one in moved) - min(one.low for one in moved) < 0.02


def test_the_optimality_gap_is_the_area_above_the_profile():
    values = VALUES.round(2)
    found, mean = profiles.profile(values, (np.arange(100) + 0.5) / 100), aggregate.mean(values)
    assert aggregate.optimality_gap(values).mean == pytest.approx((1 - found.share_K).mean())
    assert mean.mean == pytest.approx(found.share_K.mean())
    # Resamples are the same, and what is 95 % at each threshold is more for all of them.
    assert found.low_K.mean() < mean.low < mean.high < found.high_K.mean()


def test_a_profile_counts_what_is_above_and_nan_is_above_nothing():
    found = profiles.profile(np.array([[0.2, math.nan, 0.8], [0.5, 0.5, math.inf]]), np.array([0.0, 0.5, 0.8]))
    assert found.share_K.tolist() == pytest.approx([5 / 6, 2 / 6, 1 / 6])
    assert (found.low_K <= found.share_K).all() and (found.share_K <= found.high_K).all()
    assert (np.diff(found.low_K) <= 0).all() and profiles.profile(VALUES[:, :2], [0.5]).low_K is None


@pytest.mark.parametrize('statistic', [aggregate.mean, aggregate.interquartile_mean, aggregate.median])
@pytest.mark.parametrize('bad', [math.nan, math.inf])
def test_a_divergence_makes_an_average_nan_and_is_counted(statistic, bad):
    values = VALUES.copy()
    values[2, 1] = bad
    found = statistic(values)
    assert math.isnan(found.mean) and (found.low, found.high, found.seeds, found.finite) == (None, None, 5, 4)
    assert texts.spread(found) == '4 of 5 finite'


def test_two_seeds_have_no_interval():
    found = [aggregate.mean(VALUES[:, :2]), improvement.probability(VALUES[:, :2], VALUES[:, 2:4])]
    assert all((one.low, one.high) == (None, None) for one in found)


def test_no_values_are_no_zero():
    with pytest.raises(ValueError, match=r'shape \(1, 0\), wanted at least one task and one seed'):
        aggregate.mean([])
    with pytest.raises(ValueError, match='wanted one for each seed'):
        success.rate([], 0.9)


def test_what_seeds_share_is_not_in_a_difference():
    seeds = RNG.normal(size=(3, 5))
    found = differences.over_seeds(seeds + 0.25, seeds)
    assert [found.mean, found.low, found.high] == pytest.approx([0.25] * 3)
    assert differences.over_seeds(seeds, seeds + 0.25).mean == pytest.approx(-0.25)
    shuffled = differences.over_seeds(seeds + 0.25, seeds[:, ::-1])
    assert shuffled.high - shuffled.low > 0.1


def test_a_difference_over_tasks_has_the_noise_of_the_tasks():
    first, second = np.array([[0.9, 1.1], [0.5, 0.5], [0.2, 0.0]]), np.zeros((3, 2))
    found = differences.over_tasks(first, second)
    means = [np.mean(one) for one in itertools.product([1.0, 0.5, 0.1], repeat=3)]
    assert found.mean == pytest.approx(1.6 / 3) and (found.seeds, found.finite) == (3, 3)
    assert [found.low, found.high] == pytest.approx([min(means), max(means)])
    assert math.isnan(differences.over_tasks(first, second + np.array([0, math.inf])).mean)
    with pytest.raises(ValueError, match='wanted the same'):
        differences.over_seeds(first, second[:, :1])


@pytest.mark.parametrize(('succeeded', 'seeds'), [(0, 5), (2, 5), (5, 5), (1, 1), (7, 10)])
def test_success_has_the_interval_of_wilsons_formula(succeeded, seeds):
    found = success.rate([0.95] * succeeded + [0.1] * (seeds - succeeded), 0.9)
    p, z = succeeded / seeds, 1.959963984540054
    centre, half = p + z**2 / (2 * seeds), z * math.sqrt(p * (1 - p) / seeds + z**2 / (4 * seeds**2))
    wanted = [(centre + sign * half) / (1 + z**2 / seeds) for sign in (-1, 1)]
    assert found.mean == p and [found.low, found.high] == pytest.approx(wanted, abs=1e-9)


def test_success_is_at_the_threshold_too_and_a_divergence_is_none():
    found = success.rate([0.9, math.nan, 0.8999], 0.9)
    assert (found.mean, found.seeds, found.finite) == (1 / 3, 3, 2)
    assert success.rate([0.1, 0.05, math.nan], 0.1, lower=True).mean == 2 / 3


def test_the_probability_of_improvement_is_mann_and_whitneys_u():
    value_ETS = RNG.integers(4, size=(3, 4, 5)).astype(float)
    found = improvement.matrix(value_ETS)
    for a, b in itertools.product(range(3), repeat=2):
        shares = [stats.mannwhitneyu(value_ETS[a, t], value_ETS[b, t]).statistic / 25 for t in range(4)]
        assert found[a][b].mean == pytest.approx(np.mean(shares))
        assert found[a][b].mean + found[b][a].mean == pytest.approx(1)
        assert found[a][b].low == pytest.approx(1 - found[b][a].high)
    assert found[0][1] == improvement.probability(value_ETS[0], value_ETS[1])
    assert (found[1][1].mean, found[1][1].low, found[1][1].high) == (0.5, 0.5, 0.5)


def test_its_interval_is_that_of_all_resamples_of_both_at_once():
    first, second = np.array([0.1, 0.5, 0.6]), np.array([0.2, 0.4, 0.55])
    draws = [list(one) for one in itertools.product(range(3), repeat=3)]
    every = [(first[one][:, None] > second[one][None]).mean() for one in draws]
    assert holds_95_percent(improvement.probability(first, second), every)


def test_a_divergence_loses_to_every_number_and_ties_with_another_one():
    found = improvement.probability([math.nan, 0.1], [math.nan, 0.2])
    assert (found.mean, found.finite) == (((0.5 + 0) + (1 + 0)) / 4, 1)


def test_what_is_counted_is_what_is_drawn():
    drawn = VALUES[np.arange(4)[:, None], resampling.stratified(4, 5)].mean(axis=(1, 2))
    counted = (resampling.counts(4, 5) * VALUES).sum(axis=(1, 2)) / 20
    np.testing.assert_allclose(drawn, counted)
    # Tasks are drawn on their own, and no draw of one is that of another.
    assert abs(np.corrcoef(resampling.draws(5, 0)[:, 0], resampling.draws(5, 1)[:, 0])[0, 1]) < 0.05


class TestScores:
    CELLS = {  # noqa: RUF012
        'rope': {'sort': {0: 0.1, 1: 0.2}, 'copy': {1: 0.4, 0: 0.3}},
        'alibi': {'copy': {0: 0.5, 1: math.nan}, 'sort': {1: 0.8, 0: 0.7}},
    }

    def test_seeds_are_paired_and_the_order_of_rows_does_not_count(self):
        found = scores.gather(self.CELLS)
        assert (found.runs, found.tasks) == (('rope', 'alibi'), ('copy', 'sort'))
        np.testing.assert_array_equal(found.of('alibi'), [[0.5, math.nan], [0.7, 0.8]])
        np.testing.assert_array_equal(found.value_ETS[0], [[0.3, 0.4], [0.1, 0.2]])
        np.testing.assert_allclose(found.mean_ET, [[0.35, 0.15], [math.nan, 0.75]])
        assert dataclasses.is_dataclass(found)

    def test_a_hole_is_named_and_never_left_out_unsaid(self):
        cells = {**self.CELLS, 'none': {'copy': {0: 0.1}, 'sort': {0: None, 1: None}}}
        with pytest.raises(ValueError, match='missing: none on copy, no seed 1 and 1 more'):
            scores.gather(cells)
        whole, missing = scores.without_holes({**self.CELLS, 'none': {'copy': {0: 0.1, 1: 0.1}}})
        assert missing == [('none', 'sort', 'not run')]
        assert scores.gather(whole).tasks == ('copy',)

    def test_tasks_have_as_many_seeds(self):
        uneven = {'rope': {'copy': {0: 0.1}, 'sort': {0: 0.1, 1: 0.2, 2: 0.3}}}
        with pytest.raises(ValueError, match='copy has 1 seeds, sort 3; wanted as many of all tasks'):
            scores.gather(uneven)
        with pytest.raises(ValueError, match='got no values'):
            scores.gather({})
