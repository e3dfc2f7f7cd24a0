"""A curve over test lengths as one number: its area over log length, and the length at which half is lost.

Lengths count by their logarithm, so that from 1x to 2x is as far as from 2x to 4x.
"""

import math
from collections.abc import Mapping

import numpy as np


def area(curve: Mapping[int, float]) -> float:
    """Mean of a metric over log length, in its unit: the trapezoid rule from first to last length, by the width.

    Of a single length its value. NaN where one value is: a curve has no area with a hole. ValueError without values.
    """
    lengths, value_L = _sorted(curve)
    if len(lengths) == 1:
        return float(value_L[0])
    log_L = np.log(lengths)
    return float(np.trapezoid(value_L, log_L) / (log_L[-1] - log_L[0]))


def half_length(skills: Mapping[int, float], train_length: int) -> float:
    """The first length at which half of what was beyond chance at the training length is lost, linear in log length.

    `skills` are beyond chance by length (skill.py), or the gain over a reference, chance - bits: any number that is 0
    where nothing is left. Infinite where more than half is kept up to the last length; NaN where nothing was beyond
    chance at the training length, and nothing can be lost. A value that is no number keeps nothing. Lengths below the
    training length do not count. ValueError where the training length was not scored.
    """
    if train_length not in skills:
        raise ValueError(f'got lengths {", ".join(map(str, sorted(skills)))}; wanted {train_length} among them.')
    base = skills[train_length]
    if not (math.isfinite(base) and base > 0):
        return math.nan
    lengths, skill_L = _sorted({length: value for length, value in skills.items() if length >= train_length})
    kept_L = np.where(np.isfinite(skill_L), skill_L / base, 0.0)
    below = np.flatnonzero(kept_L <= 0.5)
    if not len(below):
        return math.inf
    after = int(below[0])
    (left, right), (high, low) = np.log(lengths[after - 1 : after + 1]), kept_L[after - 1 : after + 1]
    if low == 0.5:
        return float(lengths[after])
    return float(math.exp(left + (right - left) * (high - 0.5) / (high - low)))


def _sorted(curve: Mapping[int, float]) -> tuple[np.ndarray, np.ndarray]:
    if not curve or min(curve) < 1:
        raise ValueError(f'got lengths {", ".join(map(str, sorted(curve))) or "none"}, wanted at least one, from 1 on.')
    lengths = np.array(sorted(curve))
    return lengths, np.array([curve[length] for length in lengths.tolist()], np.float64)
