"""Mean over seeds with a bootstrap interval."""

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np

from posbench.report.statistics.resampling import MIN_SEEDS, draws, interval


@dataclasses.dataclass(frozen=True, slots=True)
class Summary:
    """Mean of `seeds` values; `low` and `high` are None where no interval can be given.

    Functions of this package that give another statistic than the mean say which one `mean` is, with its interval, and
    what `seeds` counts; `finite` of these are numbers.
    """

    mean: float
    low: float | None
    high: float | None
    seeds: int
    finite: int

    @property
    def half(self) -> float | None:
        """Half the width of the interval, in the unit of the mean."""
        return None if self.low is None else (self.high - self.low) / 2

    def overlaps(self, other: 'Summary') -> bool:
        """Whether both have an interval and these share a point."""
        if self.low is None or other.low is None:
            return False
        return self.low <= other.high and other.low <= self.high


def summarize(values: Sequence[float]) -> Summary | None:
    """Mean and 95 % interval of one value per seed; None without values.

    The resamples are the same for every cell with as many seeds: the same files give the same digits, and cells of
    the same seeds stay paired. A NaN among the values makes the mean NaN: a seed that diverged is a result.
    """
    if not len(values):
        return None
    return _summary(tuple(values))


@functools.lru_cache(maxsize=10_000)
def _summary(values: tuple[float, ...]) -> Summary:
    value_S = np.asarray(values, np.float64)
    finite = int(np.isfinite(value_S).sum())
    if finite < len(value_S):
        return Summary(float('nan') if np.isnan(value_S).any() else math.inf, None, None, len(value_S), finite)
    low = high = None
    if len(value_S) >= MIN_SEEDS:
        low, high = interval(value_S[draws(len(value_S))].mean(axis=1))
    return Summary(float(value_S.mean()), low, high, len(value_S), finite)
