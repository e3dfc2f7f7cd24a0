"""Performance profiles: which share of a run's values, over tasks and seeds, is above each threshold.

The run-score distributions of R. Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice
(NeurIPS 2021), section 4.2. A run whose profile is nowhere below that of another one is better by any mean that rises
with the values; where two cross, an average decides by what it weighs.
"""

from typing import NamedTuple

import numpy as np

from posbench.report.statistics.resampling import CONFIDENCE, MIN_SEEDS, counts


class Profile(NamedTuple):
    """share_K of values above threshold_K, and the ends of its 95 % band at each threshold; None below MIN_SEEDS."""

    threshold_K: np.ndarray
    share_K: np.ndarray
    low_K: np.ndarray | None
    high_K: np.ndarray | None


def profile(value_TS: np.ndarray, threshold_K: np.ndarray) -> Profile:
    """The profile of one run. Tasks weigh the same; NaN is above nothing, infinity above every number.

    The band is pointwise, from the stratified bootstrap: it holds for one threshold, not for all at once.
    """
    value_TS, threshold_K = np.atleast_2d(np.asarray(value_TS, np.float64)), np.asarray(threshold_K, np.float64)
    above_NK = (value_TS.reshape(-1, 1) > threshold_K).astype(np.float64)
    share_K = above_NK.mean(axis=0)
    tasks, seeds = value_TS.shape
    if seeds < MIN_SEEDS:
        return Profile(threshold_K, share_K, None, None)
    share_RK = counts(tasks, seeds).reshape(-1, len(above_NK)) @ above_NK / len(above_NK)
    tail = 100 * (1 - CONFIDENCE) / 2
    low_K, high_K = np.percentile(share_RK, [tail, 100 - tail], axis=0)
    return Profile(threshold_K, share_K, low_K, high_K)
