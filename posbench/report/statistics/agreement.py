"""Do two rankings of the same runs agree? Ours and a paper's, or those of two tasks."""

from collections.abc import Mapping
from typing import NamedTuple

from scipy import stats

from posbench.report.statistics import ranks


class Agreement(NamedTuple):
    """Kendall's tau-b, from -1 to 1, and the two-sided p of no association; both NaN where one ranking is all ties."""

    tau: float
    p: float


def kendall(first: Mapping[str, float], second: Mapping[str, float]) -> Agreement:
    """Tau-b of the values of two sides by name, which corrects for ties; NaN is behind all numbers.

    M. G. Kendall, The Treatment of Ties in Ranking Problems, Biometrika 33 (1945). Greater is better on both sides.
    ValueError where they are not of the same names, or of fewer than two.
    """
    names = sorted(first)
    if names != sorted(second) or len(names) < 2:
        lone = sorted(set(first) ^ set(second))
        raise ValueError(f'got {len(first)} and {len(second)} runs{f", {lone[0]} on one side alone" if lone else ""}; '
                         'wanted at least two, the same on both sides.')  # fmt: skip
    sides = [ranks.average([side[name] for name in names]) for side in (first, second)]
    found = stats.kendalltau(*sides)
    return Agreement(float(found.statistic), float(found.pvalue))
