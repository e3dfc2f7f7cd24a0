"""Ranks, Friedman and Nemenyi against the example and the tables of Demsar (JMLR 7, 2006), and against brute force."""

import itertools
import math

import numpy as np
import pytest

from posbench.report.statistics import friedman, ranks

# Table 6: area under the ROC curve of C4.5, with m, with cf, and with both, on 14 data sets. In the last but one, cf
# and both have 0.975 as printed, and ranks 2 and 3: its digits here are those of the ranks.
AUC = np.array([
    [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967],
    [0.628, 0.661, 0.654, 0.657], [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931],
    [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625], [0.775, 0.838, 0.866, 0.875],
    [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
    [0.972, 0.981, 0.97501, 0.975], [0.957, 0.978, 0.946, 0.970],
]).T  # fmt: skip
# Table 5a: critical values of the two-tailed Nemenyi test for 2 to 10 classifiers.
NEMENYI = {
    0.05: (1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164),
    0.10: (1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920),
}


def test_the_example_of_the_paper_comes_out_as_printed():
    assert ranks.average(AUC).mean(axis=1).round(3).tolist() == [3.143, 2.000, 2.893, 1.964]
    found = friedman.test(AUC)
    assert round(found.uncorrected, 2) == 9.28
    assert round(13 * found.uncorrected / (14 * 3 - found.uncorrected), 2) == 3.69
    # Corrected for ties, and a data set has nothing else.
    assert found.chi2 > found.uncorrected and found.f == pytest.approx(13 * found.chi2 / (14 * 3 - found.chi2))
    assert round(friedman.critical_difference(4, 14), 2) == 1.25
    assert round(friedman.critical_difference(4, 14, alpha=0.10), 2) == 1.12
    # With its four runs nothing is apart at 5 %; at 10 % C4.5 is from both that have m.
    assert not friedman.different(AUC).any()
    assert np.argwhere(friedman.different(AUC, alpha=0.10)).tolist() == [[0, 1], [0, 3], [1, 0], [3, 0]]


def test_without_ties_there_is_nothing_to_correct():
    found = friedman.test(np.random.default_rng(0).normal(size=(4, 14)))
    assert found.chi2 == pytest.approx(found.uncorrected)


@pytest.mark.parametrize('alpha', NEMENYI)
def test_critical_values_are_those_of_the_table(alpha):
    for runs, q in enumerate(NEMENYI[alpha], start=2):
        found = friedman.critical_difference(runs, 1, alpha) / math.sqrt(runs * (runs + 1) / 6)
        assert found == pytest.approx(q, abs=1e-3)  # Its third decimal is off by one in places.


def test_p_of_friedman_is_near_that_of_all_orders_of_ranks():
    """Exact over all 6^4 ways in which three runs can be ranked on four tasks; chi2 is an approximation to it."""
    value_ET = np.array([[3, 3, 3, 2], [2, 2, 1, 3], [1, 1, 2, 1]], float)
    orders = list(itertools.permutations((1, 2, 3)))
    sum_OE = np.array(list(itertools.product(orders, repeat=4))).sum(axis=1)
    chi2_O = 12 / (4 * 3 * 4) * (sum_OE**2).sum(axis=1) - 3 * 4 * 4
    found = friedman.test(value_ET)
    assert found.chi2 in chi2_O and found.p == pytest.approx((chi2_O >= found.chi2 - 1e-9).mean(), abs=0.04)


def test_perfect_agreement_and_none_at_all():
    same = friedman.test(np.tile([[3.0], [2.0], [1.0]], 5))
    assert same.chi2 == pytest.approx(10) and math.isinf(same.f) and same.f_p == 0
    assert all(map(math.isnan, friedman.test(np.ones((3, 5)))))


def test_ranks_do_not_depend_on_the_order_of_rows_and_ties_share_their_places():
    value_ET = np.random.default_rng(1).integers(4, size=(6, 9)).astype(float)
    rank_ET = ranks.average(value_ET)
    for task in range(9):
        better = (value_ET[:, None, task] < value_ET[None, :, task]).sum(axis=1)
        alike = (value_ET[:, None, task] == value_ET[None, :, task]).sum(axis=1)
        np.testing.assert_allclose(rank_ET[:, task], better + (alike + 1) / 2)
    order = np.random.default_rng(2).permutation(6)
    np.testing.assert_array_equal(ranks.average(value_ET[order]), rank_ET[order])


def test_a_divergence_is_last_and_sums_in_another_order_are_a_tie():
    assert ranks.average([0.2, math.nan, 0.7, math.nan]).tolist() == [2, 3.5, 1, 3.5]
    assert ranks.average([0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1]).tolist() == [1.5, 1.5]


def test_ranges_are_those_of_all_resamples():
    value_ETS = np.array([[[0.9, 0.8, 0.3]], [[0.7, 0.6, 0.5]], [[0.1, 0.2, 0.0]], [[0.65, math.nan, 0.66]]])
    every = [ranks.average(value_ETS[:, 0, list(draw)].mean(axis=1)) for draw in itertools.product(range(3), repeat=3)]
    for run, found in enumerate(ranks.ranges(value_ETS)):
        assert found.rank == ranks.average(value_ETS.mean(axis=(1, 2)))[run]
        # With 27 resamples the ends are those that more than one of them in 40 has.
        assert (found.low, found.high) == (min(every, key=lambda x: x[run])[run], max(every, key=lambda x: x[run])[run])


def test_mean_ranks_come_with_the_interval_of_the_seeds():
    rng = np.random.default_rng(3)
    apart = np.array([0.9, 0.5, 0.1])[:, None, None] + rng.normal(size=(3, 4, 5)) * 0.01
    assert [(x.mean, x.low, x.high) for x in ranks.means(apart)] == [(1, 1, 1), (2, 2, 2), (3, 3, 3)]
    mixed = ranks.means(rng.normal(size=(3, 4, 5)))
    assert sum(x.mean for x in mixed) == pytest.approx(6) and all(1 <= x.low < x.high <= 3 for x in mixed)
    assert [(x.low, x.high) for x in ranks.means(apart[..., :2])] == [(None, None)] * 3


@pytest.mark.parametrize(('shape', 'words'), [((2, 5), 'got 2 runs on 5 tasks'), ((3, 1), 'got 3 runs on 1 tasks')])
def test_too_little_for_a_test_is_said(shape, words):
    with pytest.raises(ValueError, match=words):
        friedman.test(np.zeros(shape))
