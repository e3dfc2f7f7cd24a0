"""How likely a seed of one run is to beat a seed of another one, on a task drawn at random.

P(X > Y) = mean over tasks of the share of all pairs of seeds in which X is greater, a tie counting one half: the
statistic of Mann and Whitney by its number of pairs. R. Agarwal et al., Deep Reinforcement Learning at the Edge of the
Statistical Precipice (NeurIPS 2021), section 4.3. It says how often, never by how much.
"""

import numpy as np

from posbench.report.statistics.resampling import MIN_SEEDS, counts, interval
from posbench.report.statistics.summary import Summary


def probability(first_TS: np.ndarray, second_TS: np.ndarray) -> Summary:
    """That `first` improves on `second`, a share; 0.5 says neither. NaN loses to every number and ties with NaN."""
    return matrix(np.stack([np.atleast_2d(first_TS), np.atleast_2d(second_TS)]))[0][1]


def matrix(value_ETS: np.ndarray) -> list[list[Summary]]:
    """[a][b]: that run a improves on run b. Seeds are drawn for both at once, in each task on its own."""
    value_ETS = np.asarray(value_ETS, np.float64)
    runs, tasks, seeds = value_ETS.shape
    ordered_ETS = np.where(np.isnan(value_ETS), -np.inf, value_ETS)
    # won[a, b, t, s, z]: whether seed s of a beats seed z of b.
    ahead, behind = ordered_ETS[:, None, :, :, None], ordered_ETS[None, :, :, None, :]
    won = ((ahead > behind) + 0.5 * (ahead == behind)).reshape(runs * runs, -1)
    share = won.mean(axis=1)
    ends = [(None, None)] * len(share)
    if seeds >= MIN_SEEDS:
        count_RTS = counts(tasks, seeds)
        pairs = (count_RTS[:, :, :, None] * count_RTS[:, :, None, :]).reshape(len(count_RTS), -1)
        ends = [interval(share_R) for share_R in (pairs @ won.T).T / won.shape[1]]
    finite = np.isfinite(value_ETS).all(axis=1)
    found = []
    for a in range(runs):
        row = range(a * runs, (a + 1) * runs)
        both = (int((finite[a] & finite[b]).sum()) for b in range(runs))
        found.append([Summary(float(share[i]), *ends[i], seeds, n) for i, n in zip(row, both)])
    return found
