"""Are two runs the same, within a margin? That no difference was found does not say so; two one-sided tests do.

D. J. Schuirmann, A Comparison of the Two One-Sided Tests Procedure and the Power Approach for Assessing the Equivalence
of Average Bioavailability, Journal of Pharmacokinetics and Biopharmaceutics 15 (1987).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats


class Equivalence(NamedTuple):
    """The mean difference, its 1 - 2 alpha interval by Student's t, and what follows for a margin.

    `p` is that of not being equivalent, `difference_p` that of no difference. `word` is 'equivalent' where the interval
    lies within the margin, however far from zero; else 'different' where there is a difference, or 'undecided'.
    """

    mean: float
    low: float
    high: float
    margin: float
    p: float
    difference_p: float
    word: str


def tost(difference_N: Sequence[float], margin: float, alpha: float = 0.05) -> Equivalence:
    """Whether the mean of paired differences lies within -margin to margin, in their unit; stated before they are seen.

    Of normal differences. ValueError for fewer than two or a margin that is not above zero. A NaN leaves it undecided.
    """
    difference_N = np.asarray(difference_N, np.float64)
    if difference_N.ndim != 1 or len(difference_N) < 2:
        raise ValueError(f'got differences of shape {difference_N.shape}, wanted at least two, one for each pair.')
    if not margin > 0:
        raise ValueError(f'got a margin of {margin}, wanted one above zero.')
    if not np.isfinite(difference_N).all():
        return Equivalence(*[math.nan] * 3, margin, math.nan, math.nan, 'undecided')
    count, mean = len(difference_N), float(difference_N.mean())
    error = float(difference_N.std(ddof=1)) / math.sqrt(count)
    # Against the end of the margin that is nearer.
    p = _above((margin - abs(mean)), error, count - 1)
    difference_p = min(1.0, 2 * _above(abs(mean), error, count - 1))
    half = float(stats.t.ppf(1 - alpha, count - 1)) * error
    word = 'equivalent' if p < alpha else 'different' if difference_p < alpha else 'undecided'
    return Equivalence(mean, mean - half, mean + half, margin, p, difference_p, word)


def _above(distance: float, error: float, freedom: int) -> float:
    """One-sided p of a distance; of differences that are all the same it is 0, 1/2 or 1."""
    if error == 0:
        return 0.5 * (1 - math.copysign(1, distance)) if distance else 0.5
    return float(stats.t.sf(distance / error, freedom))
