"""What a value is worth beyond chance."""

import math


def skill(value: float, chance: float, perfect: float = 1.0) -> float:
    """Part of the way from chance to perfect, (value - chance) / (perfect - chance): 0 of chance, 1 of perfect.

    Negative below chance. `perfect` is 1 of an accuracy, 0 of an error, and says so which way is better; of a metric
    that is no share it is what nobody beats, in its unit. NaN where chance is perfect: there is nothing to learn.
    """
    return math.nan if chance == perfect else (value - chance) / (perfect - chance)
