"""Ranks of runs, 1 for the best. Equal values share the mean of their places, whatever the order of rows.

Breaking ties by row order, as pandas' rank(method='first') does, gives the run that stands higher in a file the better
rank: the published ranking of Kazemnejad et al. (NeurIPS 2023) has rotary before absolute positions in many cells that
are 0 = 0 for that reason.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

from posbench.report.statistics.resampling import MIN_SEEDS, counts, interval
from posbench.report.statistics.summary import Summary

# Sums in another order differ in the last bits, which is no difference in rank.
_DECIMALS = 12


class Range(NamedTuple):
    """A rank, and where it lies in 95 % of resamples; None below MIN_SEEDS."""

    rank: float
    low: float | None
    high: float | None


def average(value_ET: np.ndarray) -> np.ndarray:
    """rank_ET of each run on each task (on the first axis: value_E is one task). NaN is behind all numbers."""
    value_ET = np.asarray(value_ET, np.float64)
    rounded = np.round(np.where(np.isnan(value_ET), -np.inf, value_ET), _DECIMALS)
    return stats.rankdata(-rounded, axis=0)


def means(value_ETS: np.ndarray) -> list[Summary]:
    """Mean over tasks of the rank by the mean over seeds, with its interval over seeds; less is better."""
    value_ETS = np.asarray(value_ETS, np.float64)
    runs, _, seeds = value_ETS.shape
    rank_E = average(_finite(value_ETS.mean(axis=2))).mean(axis=1)
    ends = [(None, None)] * runs
    if seeds >= MIN_SEEDS:
        ends = [interval(rank_R) for rank_R in average(_resampled(value_ETS)).mean(axis=2)]
    finite_E = np.isfinite(value_ETS).all(axis=1).sum(axis=1)
    return [Summary(float(rank_E[e]), *ends[e], seeds, int(finite_E[e])) for e in range(runs)]


def ranges(value_ETS: np.ndarray) -> list[Range]:
    """The rank of each run by its mean over tasks and seeds, and the ranks that other seeds might have given it.

    A resample that has a value of a run that is not finite puts it behind all others.
    """
    value_ETS = np.asarray(value_ETS, np.float64)
    rank_E = average(_finite(value_ETS.mean(axis=(1, 2))))
    if value_ETS.shape[2] < MIN_SEEDS:
        return [Range(float(rank), None, None) for rank in rank_E]
    resampled = average(_resampled(value_ETS).mean(axis=2))
    return [Range(float(rank), *interval(rank_R)) for rank, rank_R in zip(rank_E, resampled)]


def _resampled(value_ETS: np.ndarray) -> np.ndarray:
    """Means over seeds in all resamples, mean_ERT; NaN where one that was drawn is not finite."""
    _, tasks, seeds = value_ETS.shape
    count_TSR, value_TES = counts(tasks, seeds).transpose(1, 2, 0), value_ETS.transpose(1, 0, 2)
    # Nothing times NaN is NaN: whether one was drawn is counted, not multiplied.
    finite_TES = np.isfinite(value_TES)
    sum_TER = np.where(finite_TES, value_TES, 0.0) @ count_TSR
    broken_TER = (~finite_TES).astype(np.float64) @ count_TSR > 0
    return np.where(broken_TER, np.nan, sum_TER / seeds).transpose(1, 2, 0)


def _finite(value: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(value), value, np.nan)
