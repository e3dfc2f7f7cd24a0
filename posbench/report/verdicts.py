"""What happens to a run beyond the length it was trained on, in a word. Written before any run was looked at.

Two rules. A share, from 0 to 1, is judged by what is left of it beyond chance; any other metric by its ratio.
"""

import math
from typing import NamedTuple

from posbench.report.task import Metric

WORDS = ('holds', 'degrades', 'falls apart', 'diverged', 'never learned')

# A metric that is no share: how many times worse than at the training length.
HOLDS, DEGRADES = 1.05, 1.25
# A share: how much of what was learned beyond chance is kept.
KEPT, HALF_KEPT = 0.95, 0.5
# A share at the training length: part of the way from chance to perfect. Below that, noise decides what is kept of it.
LEARNED = 0.05


class Point(NamedTuple):
    """A mean over seeds at one length, and what chance gives there; None if unknown."""

    value: float
    chance: float | None


class Verdict(NamedTuple):
    """`word` follows from the worst longer length, where `left` is what is left; greater `badness` is worse."""

    word: str
    worst: int
    left: str
    badness: float


def judge(metric: Metric, train_length: int, base: Point, longer: dict[int, Point]) -> Verdict | None:
    """The verdict on one run under one protocol; None where there is nothing to judge it by."""
    if not math.isfinite(base.value):
        return Verdict('diverged', train_length, str(base.value), math.inf)
    if metric.share and (skill := _skill(metric, base)) is not None and not skill >= LEARNED:
        return Verdict('never learned', train_length, f'chance is {base.chance:.3g}', math.inf)
    lost = {n: found for n, point in longer.items() if (found := _lost(metric, base, point)) is not None}
    if not lost:
        return None
    # NaN compares false with everything, so the order of badness is spelled out.
    worst = max(lost, key=lambda n: (not math.isfinite(longer[n].value), lost[n] if math.isfinite(lost[n]) else 0))
    point, amount = longer[worst], lost[worst]
    holds, degrades = (-KEPT, -HALF_KEPT) if metric.share else (HOLDS, DEGRADES)
    useless = point.chance is not None and metric.is_better(point.chance, point.value)
    if not amount <= degrades or useless:
        word = 'falls apart'
    else:
        word = 'holds' if amount <= holds else 'degrades'
    return Verdict(word, worst, left(metric, base, point), amount if math.isfinite(amount) else math.inf)


def left(metric: Metric, base: Point, point: Point) -> str:
    """What is left of the value at the training length: '×1.26', '÷1.26', '62 % kept'; '' where nothing can be said."""
    if not math.isfinite(point.value):
        return str(point.value)
    amount = _lost(metric, base, point)
    if amount is None:
        return ''
    if not metric.share:
        return f'{"×" if metric.lower else "÷"}{amount:.2f}'
    kept = round(-100 * amount)
    return f'{kept} % kept' if kept >= 0 else 'below chance'


def sentence(metric: Metric, chance: str) -> str:
    """The rule that judges by a metric, as the page prints it; `chance` names what guesses."""
    begin = 'Verdicts compare the worst longer length with the training length'
    diverged = 'Diverged: not a number at the training length already.'
    if metric.share:
        return (
            f'{begin}, by how far each is on the way from chance to perfect. Holds: at least {100 * KEPT:.0f} % of '
            f'that is kept. Degrades: at least {100 * HALF_KEPT:.0f} %. Falls apart: less than that, or not a number. '
            f'{diverged} Never learned: at the training length less than {100 * LEARNED:.0f} % of the way.'
        )
    most, sign, more = ('most', '×', 'more') if metric.lower else ('least', '÷', 'less')
    return (
        f'{begin}. Holds: at {most} {sign}{HOLDS:.2f} the {metric.words}. Degrades: at {most} {sign}{DEGRADES:.2f}. '
        f'Falls apart: {more} than that, or worse than {chance}, or not a number. {diverged}'
    )


def _lost(metric: Metric, base: Point, point: Point) -> float | None:
    """Greater is worse: how many times worse, or minus the kept part of what was learned beyond chance."""
    if metric.share:
        learned, there = _skill(metric, base), _skill(metric, point)
        return None if learned is None or there is None or learned < LEARNED else -there / learned
    if point.value == base.value:
        return 1.0
    if base.value <= 0:
        return None
    if metric.lower:
        return point.value / base.value
    return base.value / point.value if not point.value <= 0 else math.inf


def _skill(metric: Metric, point: Point) -> float | None:
    """Part of the way from chance to perfect, negative below chance; None where chance is unknown or already perfect.

    Where chance is the same at two lengths, the ratio of their skills is that of the values beyond chance.
    """
    perfect = 0.0 if metric.lower else 1.0
    if point.chance is None or point.chance == perfect:
        return None
    return (point.value - point.chance) / (perfect - point.chance)
