"""The least effect that so many seeds could have shown: what 'no difference was found' is worth.

J. Cohen, Statistical Power Analysis for the Behavioral Sciences (1988), chapter 2: the power of the two-sided paired t
test by its noncentral distribution.
"""

import math

from scipy import optimize, stats


def effect(pairs: int, deviation: float, *, power: float = 0.8, alpha: float = 0.05) -> float:
    """The true mean difference that `pairs` paired differences of this standard deviation show with that power.

    In the unit of the deviation; infinite for a single pair, NaN for a deviation that is. ValueError for a power that
    is not between alpha and 1, a negative deviation, or no pair.
    """
    if pairs < 1 or deviation < 0 or not 0 < alpha < power < 1:
        raise ValueError(f'got {pairs} pairs, deviation {deviation}, alpha {alpha}, power {power}; wanted at least one '
                         'pair, a deviation from 0 on and 0 < alpha < power < 1.')  # fmt: skip
    if pairs == 1:
        return math.inf
    return deviation * _in_deviations(pairs, power, alpha)


def _in_deviations(pairs: int, power: float, alpha: float) -> float:
    freedom = pairs - 1
    # The square of a noncentral t is a noncentral F, of which scipy has both tails at once.
    critical = float(stats.f.isf(alpha, 1, freedom))

    def lacks(size: float) -> float:
        return float(stats.ncf.sf(critical, 1, freedom, pairs * size**2)) - power

    most = 1.0
    while lacks(most) < 0:
        most *= 2
    return float(optimize.brentq(lacks, 0.0, most, xtol=1e-10))
