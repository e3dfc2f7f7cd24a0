"""How much one run is above another on these tasks, tested against what other seeds would have given.

The seeds of each task are a stratum of their own: the mean over tasks of the paired differences has the variance
sum_t s_t^2 / S / T^2, with the degrees of freedom of B. L. Welch (Biometrika 34, 1947) and F. E. Satterthwaite
(Biometrics Bulletin 2, 1946). Of one task it is the paired t-test. Tasks are taken as given: that a run is better on
one and worse on another is no noise here, as it is where tasks are drawn (friedman.py, differences.over_tasks).
"""

import math
from typing import NamedTuple

import numpy as np
from scipy import special

from posbench.report.statistics.resampling import CONFIDENCE


class Difference(NamedTuple):
    """Mean of a difference over tasks, the ends of its 95 % interval, and the two-sided p of none."""

    mean: float
    low: float
    high: float
    p: float


def test(difference_TS: np.ndarray) -> Difference:
    """The difference of two runs, paired by seed; of normal differences the interval and p are right for few seeds too.

    Where no seed makes a difference to it (two runs that are always right) the interval is a point. NaN in, NaN out.
    ValueError below two seeds, which have no spread.
    """
    difference_TS = np.atleast_2d(np.asarray(difference_TS, np.float64))
    tasks, seeds = difference_TS.shape
    if not tasks or seeds < 2:
        raise ValueError(f'got differences of shape {difference_TS.shape}, wanted a task and two seeds at least.')
    mean = float(difference_TS.mean())
    if not math.isfinite(mean):
        return Difference(math.nan, math.nan, math.nan, math.nan)
    variance_T = difference_TS.var(axis=1, ddof=1) / seeds
    # Equal numbers have a variance of rounding errors.
    variance_T[np.ptp(difference_TS, axis=1) < 1e-12] = 0.0
    total = variance_T.sum()
    if total == 0:
        return Difference(mean, mean, mean, 1.0 if abs(mean) < 1e-12 else 0.0)
    error = math.sqrt(total) / tasks
    freedom = total**2 / (variance_T**2).sum() * (seeds - 1)
    half = float(special.stdtrit(freedom, (1 + CONFIDENCE) / 2)) * error
    return Difference(mean, mean - half, mean + half, float(2 * special.stdtr(freedom, -abs(mean) / error)))
