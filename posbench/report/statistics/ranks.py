"""Ranks of runs, 1 for the best. Equal values share the mean of their places, whatever the order of rows.

Breaking ties by row order, as pandas' rank(method='first') does, gives the run that stands higher in a file the better
rank: the published ranking of Kazemnejad et al. (NeurIPS 2023) has rotary before absolute positions in many cells that
are 0 = 0 for that reason.
"""

from typing import NamedTuple

import numpy as np
from scipy import stats

from posbench.report.statistics.resampling import MIN_SEEDS, counts, interval, stratified
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
    runs, tasks, seeds = value_ETS.shape
    rank_E = average(value_ETS.mean(axis=2)).mean(axis=1)
    ends = [(None, None)] * runs
    if seeds >= MIN_SEEDS:
        draw_RTS = stratified(tasks, seeds)
        mean_ERT = value_ETS[:, np.arange(tasks)[:, None], draw_RTS].mean(axis=3)
        ends = [interval(rank_R) for rank_R in average(mean_ERT).mean(axis=2)]
    finite_E = np.isfinite(value_ETS).all(axis=1).sum(axis=1)
    return [Summary(float(rank_E[e]), *ends[e], seeds, int(finite_E[e])) for e in range(runs)]


def ranges(value_ETS: np.ndarray) -> list[Range]:
    """The rank of each run by its mean over tasks and seeds, and the ranks that other seeds might have given it.

    A resample that has a NaN of a run puts it behind all others.
    """
    value_ETS = np.asarray(value_ETS, np.float64)
    runs, tasks, seeds = value_ETS.shape
    rank_E = average(value_ETS.mean(axis=(1, 2)))
    if seeds < MIN_SEEDS:
        return [Range(float(rank), None, None) for rank in rank_E]
    count_RN, value_NE = counts(tasks, seeds).reshape(-1, tasks * seeds), value_ETS.reshape(runs, -1).T
    broken_RE = count_RN @ np.isnan(value_NE) > 0
    mean_RE = np.where(broken_RE, np.nan, count_RN @ np.nan_to_num(value_NE) / (tasks * seeds))
    return [Range(float(rank), *interval(rank_R)) for rank, rank_R in zip(rank_E, average(mean_RE.T))]
