"""How much one run is above another, paired: what both have in common is not in their difference."""

import math

import numpy as np

from posbench.report.statistics import aggregate
from posbench.report.statistics.summary import Summary, summarize


def over_seeds(first_TS: np.ndarray, second_TS: np.ndarray) -> Summary:
    """Mean of first - second with its interval over the seeds of these tasks: would other seeds give it too?

    Column s of both has to be of one seed; it is drawn for both at once (stratified over tasks).
    """
    return aggregate.mean(_minus(first_TS, second_TS))


def over_tasks(first_TS: np.ndarray, second_TS: np.ndarray) -> Summary:
    """The same difference with its interval over tasks, each by its mean over seeds: would other tasks give it too?

    `seeds` and `finite` of the Summary count tasks. No interval below three.
    """
    return summarize(np.atleast_2d(_minus(first_TS, second_TS)).mean(axis=1).tolist())


def _minus(first_TS: np.ndarray, second_TS: np.ndarray) -> np.ndarray:
    first_TS, second_TS = np.asarray(first_TS, np.float64), np.asarray(second_TS, np.float64)
    if first_TS.shape != second_TS.shape:
        raise ValueError(f'got shapes {first_TS.shape} and {second_TS.shape}, wanted the same.')
    # inf - inf would be called a difference of NaN; one infinite side alone is as little a number.
    return np.where(np.isfinite(first_TS) & np.isfinite(second_TS), first_TS, math.nan) - second_TS
