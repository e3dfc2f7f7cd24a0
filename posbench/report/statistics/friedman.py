"""Do the ranks of runs differ over tasks, and by how much have two of them to differ?

M. Friedman (Journal of the American Statistical Association 32, 1937), R. L. Iman and J. M. Davenport (Communications
in Statistics 9, 1980), and P. B. Nemenyi's critical difference, as J. Demsar puts them together in Statistical
Comparisons of Classifiers over Multiple Data Sets, JMLR 7 (2006). Each task is one block, by its means over seeds:
seeds as blocks of their own would count one task several times.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy import stats

from posbench.report.statistics import ranks


class Friedman(NamedTuple):
    """chi2 with `p` by its asymptotic distribution, and Iman and Davenport's F with `f_p`, which is less conservative.

    `chi2` and `f` are corrected for ties; `uncorrected` is the chi2 of Demsar's formula, which knows none.
    """

    chi2: float
    p: float
    f: float
    f_p: float
    uncorrected: float


def test(value_ET: np.ndarray) -> Friedman:
    """Whether all runs could have the same ranks. ValueError for fewer than three runs or two tasks.

    NaN has the last rank. Where all values of every task are equal there is nothing to test: all are NaN.
    """
    runs, tasks = np.shape(value_ET)
    if runs < 3 or tasks < 2:
        raise ValueError(f'got {runs} runs on {tasks} tasks, wanted at least three runs on two.')
    rank_ET = ranks.average(value_ET)
    squares = (rank_ET.mean(axis=1) ** 2).sum()
    uncorrected = 12 * tasks / (runs * (runs + 1)) * (squares - runs * (runs + 1) ** 2 / 4)
    if np.ptp(rank_ET) == 0:
        return Friedman(*[math.nan] * 5)
    found = stats.friedmanchisquare(*rank_ET)
    chi2, free, rest = float(found.statistic), runs - 1, (runs - 1) * (tasks - 1)
    # Every task ranks all runs the same: the largest chi2 there is.
    most = tasks * free
    f = math.inf if math.isclose(chi2, most) else (tasks - 1) * chi2 / (most - chi2)
    return Friedman(chi2, float(found.pvalue), f, float(stats.f.sf(f, free, rest)), float(uncorrected))


def critical_difference(runs: int, tasks: int, alpha: float = 0.05) -> float:
    """Nemenyi's: mean ranks of two runs that differ by less cannot be told apart.

    q sqrt(k (k + 1) / (6 N)), q the upper `alpha` quantile of the studentized range of k = runs by sqrt(2), N = tasks.
    """
    if runs < 2 or tasks < 1:
        raise ValueError(f'got {runs} runs on {tasks} tasks, wanted at least two on one.')
    q = float(stats.studentized_range.ppf(1 - alpha, runs, np.inf)) / math.sqrt(2)
    return q * math.sqrt(runs * (runs + 1) / (6 * tasks))


def different(value_ET: np.ndarray, alpha: float = 0.05) -> np.ndarray:
    """different_EE: whether the mean ranks of two runs are at least the critical difference apart."""
    rank_E = ranks.average(value_ET).mean(axis=1)
    apart_EE = np.abs(rank_E[:, None] - rank_E[None])
    return apart_EE >= critical_difference(*np.shape(value_ET), alpha)
