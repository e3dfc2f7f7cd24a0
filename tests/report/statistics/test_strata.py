"""The difference of two runs on given tasks, against scipy's own t-tests."""

import numpy as np
import pytest
from scipy import stats

from posbench.report.statistics import strata


def test_of_one_task_it_is_the_paired_t_test():
    first_S, second_S = np.random.default_rng(0).normal(size=(2, 5))
    found, wanted = strata.test(first_S - second_S), stats.ttest_rel(first_S, second_S)
    assert found.p == pytest.approx(wanted.pvalue, rel=1e-12)
    assert (found.low, found.high) == pytest.approx(tuple(wanted.confidence_interval(0.95)), rel=1e-12)


def test_of_two_tasks_it_is_the_test_of_welch():
    """The mean of a task and of minus another one is half of the difference that Welch's test is about."""
    first_S, second_S = np.random.default_rng(1).normal(size=(2, 6)) * [[1.0], [3.0]]
    found, wanted = strata.test([first_S, -second_S]), stats.ttest_ind(first_S, second_S, equal_var=False)
    assert found.p == pytest.approx(wanted.pvalue, rel=1e-10)
    assert 2 * found.low == pytest.approx(wanted.confidence_interval(0.95).low, rel=1e-10)


def test_it_rejects_a_true_null_as_often_as_it_says():
    """Tasks that a run is much better or much worse on, by nature, are no reason to see a difference of the mean."""
    rng = np.random.default_rng(2)
    gains_T = np.array([0.4, -0.4, 0.2, -0.2])[:, None]
    ps = [strata.test(gains_T + rng.normal(scale=[[0.1], [0.05], [0.02], [0.1]], size=(4, 5))).p for _ in range(2000)]
    assert 0.035 < np.mean(np.array(ps) < 0.05) < 0.065


def test_runs_that_no_seed_makes_a_difference_to_are_a_point():
    same, apart = strata.test(np.zeros((3, 4))), strata.test(np.full((3, 4), 0.3))
    assert same == (0, 0, 0, 1)
    assert (apart.low, apart.high, apart.p) == (apart.mean, apart.mean, 0)
    assert np.isnan(strata.test([[0.1, np.nan, 0.2]]).p)


@pytest.mark.parametrize('shape', [(3, 1), (0, 5)])
def test_what_has_no_spread_is_an_error_in_words(shape):
    with pytest.raises(ValueError, match='wanted a task and two seeds at least'):
        strata.test(np.zeros(shape))
