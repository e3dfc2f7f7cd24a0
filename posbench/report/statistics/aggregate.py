"""One number of a run over several tasks, with a 95 % interval over seeds (stratified bootstrap).

R. Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice (NeurIPS 2021), section 4. Each
function takes value_TS, or value_S of a single task, and gives a Summary whose `mean` is the statistic and whose
`seeds` are those of a task. Tasks weigh the same; their values have to be on one scale (skill.py). A value that is not
finite makes the statistic NaN, without an interval: how a divergence compares with a number is not for an average to
say. Below MIN_SEEDS seeds there is no interval either.
"""

import math
from collections.abc import Callable

import numpy as np

from posbench.report.statistics.resampling import MIN_SEEDS, interval, stratified
from posbench.report.statistics.summary import Summary


def mean(value_TS: np.ndarray) -> Summary:
    """Mean over tasks of the means over seeds."""
    return estimate(value_TS, lambda value_RTS: value_RTS.mean(axis=(1, 2)))


def interquartile_mean(value_TS: np.ndarray) -> Summary:
    """Mean of the middle half of all values of all tasks, a quarter of them, rounded down, cut off at either end."""
    return estimate(value_TS, _interquartile)


def median(value_TS: np.ndarray) -> Summary:
    """The middle of all values of all tasks and seeds."""
    return estimate(value_TS, lambda value_RTS: np.median(value_RTS, axis=(1, 2)))


def median_of_means(value_TS: np.ndarray) -> Summary:
    """The middle task's mean over seeds: the median of Agarwal et al.; of a single task its mean."""
    return estimate(value_TS, lambda value_RTS: np.median(value_RTS.mean(axis=2), axis=1))


def optimality_gap(value_TS: np.ndarray, goal: float = 1.0) -> Summary:
    """How far values fall short of a goal on average: goal - mean(min(value, goal)); less is better."""
    return estimate(value_TS, lambda value_RTS: goal - np.minimum(value_RTS, goal).mean(axis=(1, 2)))


def estimate(value_TS: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray]) -> Summary:
    """A statistic with its interval; `statistic` maps value_RTS to one number for each resample, statistic_R."""
    value_TS = np.atleast_2d(np.asarray(value_TS, np.float64))
    tasks, seeds = value_TS.shape
    if not value_TS.size:
        raise ValueError(f'got values of shape {value_TS.shape}, wanted at least one task and one seed.')
    finite = int(np.isfinite(value_TS).all(axis=0).sum())
    if finite < seeds:
        return Summary(math.nan, None, None, seeds, finite)
    low = high = None
    if seeds >= MIN_SEEDS:
        low, high = interval(statistic(value_TS[np.arange(tasks)[:, None], stratified(tasks, seeds)]))
    return Summary(float(statistic(value_TS[None])[0]), low, high, seeds, finite)


def _interquartile(value_RTS: np.ndarray) -> np.ndarray:
    value_RN = np.sort(value_RTS.reshape(len(value_RTS), -1), axis=1)
    cut = value_RN.shape[1] // 4
    return value_RN[:, cut : value_RN.shape[1] - cut].mean(axis=1)
