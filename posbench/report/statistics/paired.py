"""Tests of paired differences, over tasks or over seeds, and what many of them cost (Holm).

Each function of a pair takes difference_N, one number for each task (of means over seeds) or each seed, and gives the
two-sided p of no difference; a NaN among them makes p NaN: there is no difference to test.
"""

import functools
import itertools
from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

# Up to so many differences all signs are tried, 2^16 of them.
EXACT = 16
_DRAWN = 100_000


def sign_flip(difference_N: Sequence[float]) -> float:
    """The share of signs of the differences by which |their mean| is at least what it is: a permutation test.

    R. A. Fisher, The Design of Experiments (1935). Exact up to 16 differences, so that n of them have no p below
    2 / 2^n; beyond that from 100,000 draws of a fixed seed, with the one that was seen counted in. It asks nothing of
    the differences but that under the null either sign is as likely.
    """
    difference_N = np.asarray(difference_N, np.float64)
    _check(difference_N)
    if not np.isfinite(difference_N).all():
        return float('nan')
    count = len(difference_N)
    seen = abs(difference_N.sum())
    # Sums in another order differ in the last bits.
    reached = np.abs(_signs(count) @ difference_N) >= seen - 1e-12 * np.abs(difference_N).sum()
    return float(reached.mean()) if count <= EXACT else float((reached.sum() + 1) / (_DRAWN + 1))


def wilcoxon(difference_N: Sequence[float]) -> float:
    """F. Wilcoxon's signed-rank test (Biometrics Bulletin 1, 1945); differences of zero are ranked and have no sign.

    That is J. W. Pratt's treatment (Journal of the American Statistical Association 54, 1959). Where scipy has no exact
    p it is by the normal distribution.
    """
    difference_N = np.asarray(difference_N, np.float64)
    _check(difference_N)
    if not np.isfinite(difference_N).all():
        return float('nan')
    if not difference_N.any():
        return 1.0
    return float(stats.wilcoxon(difference_N, zero_method='pratt').pvalue)


def holm(p_M: Sequence[float]) -> np.ndarray:
    """p of a family of tests, adjusted so that any false rejection is as rare as alpha says, in the given order.

    S. Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6 (1979). A
    test whose p is NaN stays NaN and counts as one of the family. ValueError for a p outside 0 to 1.
    """
    p_M = np.asarray(p_M, np.float64)
    if (p_M < 0).any() or (p_M > 1).any():
        raise ValueError(f'got p from {np.nanmin(p_M)} to {np.nanmax(p_M)}, wanted them between 0 and 1.')
    order = np.argsort(p_M)  # NaN last.
    stepped = np.maximum.accumulate(p_M[order] * np.arange(len(p_M), 0, -1))
    adjusted_M = np.empty_like(p_M)
    adjusted_M[order] = np.minimum(stepped, 1)
    return adjusted_M


def all_pairs(value_EN: np.ndarray, test: Callable[[np.ndarray], float] = sign_flip) -> np.ndarray:
    """p_EE of no difference between each two runs, adjusted for all pairs by `holm`; 1 of a run with itself.

    value_EN of each run on each task, or by each seed; letters.letters(p_EE < 0.05) are its groups: a NaN is not apart.
    """
    value_EN = np.asarray(value_EN, np.float64)
    p_EE = np.ones((len(value_EN), len(value_EN)))
    pairs = list(itertools.combinations(range(len(value_EN)), 2))
    with np.errstate(invalid='ignore'):  # inf - inf
        adjusted = holm([test(value_EN[a] - value_EN[b]) for a, b in pairs])
    for (a, b), p in zip(pairs, adjusted):
        p_EE[a, b] = p_EE[b, a] = p
    return p_EE


@functools.lru_cache(maxsize=2)
def _signs(count: int) -> np.ndarray:
    """All signs of so many differences, or many that are drawn."""
    if count <= EXACT:
        return 1 - 2.0 * (np.arange(2**count)[:, None] >> np.arange(count) & 1)
    return 1 - 2.0 * np.random.default_rng(0).integers(2, size=(_DRAWN, count))


def _check(difference_N: np.ndarray) -> None:
    if difference_N.ndim != 1 or not difference_N.size:
        raise ValueError(f'got differences of shape {difference_N.shape}, wanted one for each pair.')
