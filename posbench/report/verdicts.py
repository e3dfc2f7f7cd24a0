"""What happens to a run beyond the length it was trained on, in a word. Written before any run was looked at.

A run is compared with itself at its training length: a share, from 0 to 1, by what is left of it beyond chance, any
other metric by its ratio; and where there are reference models, what falls apart is what leaves them behind, so that no
run does by which another one is no better. The words rank nothing else: who loses more than another may be the better
one still.
"""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from posbench.report.numbers import number, printed
from posbench.report.statistics.skill import skill
from posbench.report.task import Metric

WORDS = ('holds', 'dips', 'degrades', 'falls apart', 'diverged', 'never learned', 'too weak')

# A metric that is no share: how many times worse than at the training length, two decimals; and than the best of the
# reference models, which is the same for all runs. Without one better than chance it is the run's own value.
HOLDS, DEGRADES = 1.05, 1.25
# A share: per cent of what was learned beyond chance that are kept.
KEPT, HALF_KEPT = 95, 50
# A share at the training length: per cent of the way from chance to perfect.
LEARNED = 5


class Point(NamedTuple):
    """A mean over seeds at one length, and what chance gives there; None if unknown."""

    value: float
    chance: float | None


class Verdict(NamedTuple):
    """`word` follows from the worst longer length, where `left` is what is left; `note` is what else there is to say.

    `allows` are the words that the noise of the difference allows as well.
    """

    word: str
    worst: int
    left: str
    note: str = ''
    allows: tuple[str, ...] = ()

    @property
    def says(self) -> str:
        """What stands below the word."""
        first = f'{self.left} at {self.worst:,}' if self.left else ''
        noise = f'noise allows: {" or ".join(self.allows)}' if self.allows else ''
        return '; '.join(filter(None, (first, self.note, noise)))


# Half of the 95 % interval of a * (value at a length) + b * (value at the training length); None where it is unknown.
Noise = Callable[[int, float, float], float | None]


def judge(
    metric: Metric,
    train_length: int,
    base: Point,
    longer: Mapping[int, Point],
    *,
    reference: Mapping[str, float] | None = None,
    noise: Noise = lambda length, a, b: None,
) -> Verdict | None:
    """The verdict on one run under one protocol; None where there is nothing to judge it by.

    `reference` are models that anybody can have, by name: below them a run says nothing about its encoding.
    """
    if not math.isfinite(base.value):
        return Verdict('diverged', train_length, str(base.value))
    if not _learned(metric, base):
        return Verdict('never learned', train_length, '', f'chance is {number(base.chance)}')
    lost = {n: found for n, point in longer.items() if (found := _lost(metric, base, point)) is not None}
    if not lost:
        return None
    limit = _limit(metric, base.chance, reference or {})
    words = {n: _word(metric, base, longer[n], amount, limit) for n, amount in lost.items()}
    # NaN compares false with everything, so the order of badness is spelled out.
    worst = max(lost, key=lambda n: (WORDS.index(words[n]), not math.isfinite(lost[n]), lost[n]))
    word, says = words[worst], left(metric, base, longer[worst])
    weak = _weak(metric, train_length, base, reference or {}, noise)
    if weak:
        return Verdict('too weak', worst, says, weak)
    allowed = _allowed(metric, base, longer[worst], lost[worst], limit, lambda a, b: noise(worst, a, b)) - {word}
    last, note = max(lost), ''
    if words[last] != word:
        note = f'{left(metric, base, longer[last])} at {last:,}'
        if words[last] == 'holds' and math.isfinite(longer[worst].value):
            word = 'dips'
    return Verdict(word, worst, says, note, tuple(sorted(allowed, key=WORDS.index)))


def left(metric: Metric, base: Point, point: Point) -> str:
    """What is left of the value at the training length: '×1.26', '÷1.26', '62 % kept'; '' where nothing can be said."""
    if not math.isfinite(point.value):
        return str(point.value)
    amount = _lost(metric, base, point)
    if amount is None:
        return ''
    if not metric.share:
        return f'{"×" if metric.lower else "÷"}{amount:.2f}'
    return 'below chance' if _shown(metric, amount) > 0 else f'{-_shown(metric, amount):.0f} % kept'


def sentence(metric: Metric, chance: str, references: str = '') -> str:
    """The rule that judges by a metric, as the page prints it.

    `chance` names what guesses, `references` all models that a run has to be better than.
    """
    begin = 'Verdicts compare a run with itself: its worst longer length with the training length'
    end = (
        'Dips: worse than that somewhere, and holds at the longest length. Diverged: not a number at the training '
        'length already. Never learned: there '
    )
    weak = (
        f'Too weak: there not better, by more than the noise, than {references or chance}. Noise allows: within the '
        'noise of the difference, with 95 % confidence, the word could be another one. Digits count as they are '
        'printed. Verdicts rank nothing: which of two runs is better, their values say.'
    )
    if metric.share:
        return (
            f'{begin}, by how far each is on the way from chance to perfect. Holds: at least {KEPT} % of that is kept. '
            f'Degrades: at least {HALF_KEPT} %. Falls apart: less than that, worse than {chance}, or not a number. '
            f'{end}less than {LEARNED} % of the way. {weak}'
        )
    most, sign, more = ('most', '×', 'more') if metric.lower else ('least', '÷', 'less')
    whose = 'its own, or that of the best reference model where one is better than chance' if references else 'its own'
    return (
        f'{begin}. Holds: at {most} {sign}{HOLDS:.2f} the {metric.words}. Degrades: at {most} {sign}{DEGRADES:.2f} of '
        f'{whose}. Falls apart: {more} than that, or worse than {chance}, or not a number. '
        f'{end}no better than {chance}. {weak}'
    )


def _learned(metric: Metric, base: Point) -> bool:
    """Whether the training length shows more than chance; True where chance is unknown."""
    if metric.share:
        skill = _skill(metric, base)
        return skill is None or round(100 * skill) >= LEARNED
    return base.chance is None or metric.is_better(printed(base.value), printed(base.chance))


def _weak(metric: Metric, train_length: int, base: Point, reference: Mapping[str, float], noise: Noise) -> str:
    """Which reference model a run is not better than at the training length, the best of them; '' if there is none."""
    known = {**({} if base.chance is None else {'chance': base.chance}), **reference}
    margin = noise(train_length, 1.0, 0.0) or 0.0
    close = {
        name: value
        for name, value in known.items()
        if not metric.is_better(printed(base.value), printed(value)) or abs(base.value - value) <= margin
    }
    if not close:
        return ''
    name, value = min(close.items(), key=lambda item: metric.badness(item[1]))
    better = metric.is_better(printed(value), printed(base.value)) and abs(base.value - value) > margin
    who = name if name == 'chance' else f'the {name}'
    return f'{"worse than" if better else "not told from"} {who}, {number(value)}'


def _limit(metric: Metric, chance: float | None, reference: Mapping[str, float]) -> float | None:
    """The value beyond which every run falls apart; None where each has a limit of its own."""
    known = [value for value in reference.values() if chance is None or metric.is_better(value, chance)]
    if metric.share or not known:
        return None
    best = min(known, key=metric.badness)
    return best * DEGRADES if metric.lower else best / DEGRADES


def _word(metric: Metric, base: Point, point: Point, amount: float, limit: float | None) -> str:
    """By what is lost, in the digits that are printed."""
    useless = point.chance is not None and metric.is_better(printed(point.chance), printed(point.value))
    holds, degrades = (-KEPT, -HALF_KEPT) if metric.share else (HOLDS, DEGRADES)
    shown = _shown(metric, amount)
    if limit is None:
        beyond = not shown <= degrades
    else:
        there = base.value * amount if metric.lower else base.value / amount if amount > 0 else math.inf
        beyond = not math.isfinite(amount) or metric.is_better(printed(limit), printed(there))
    if useless or beyond:
        return 'falls apart'
    return 'holds' if shown <= holds else 'degrades'


def _shown(metric: Metric, amount: float) -> float:
    """What is lost as it is printed: whole per cent of a share, two decimals of a ratio."""
    if not math.isfinite(amount):
        return amount
    return round(100 * amount) if metric.share else float(f'{amount:.2f}')


def _allowed(metric: Metric, base: Point, point: Point, amount: float, limit: float | None, noise) -> set[str]:
    """The words at both ends of the interval of what is lost; none where its noise is unknown."""
    if not math.isfinite(amount) or (not metric.share and 0 in (base.value, point.value)):
        return set()
    if metric.share:
        perfect = 0.0 if metric.lower else 1.0
        learned = _skill(metric, base)
        slopes = [-1 / (perfect - point.chance) / learned, -amount / (perfect - base.chance) / learned]
    elif metric.lower:
        slopes = [1 / base.value, -amount / base.value]
    else:
        slopes = [-amount / point.value, 1 / point.value]
    half = noise(*slopes)
    return set() if half is None else {_word(metric, base, point, end, limit) for end in (amount - half, amount + half)}


def _lost(metric: Metric, base: Point, point: Point) -> float | None:
    """Greater is worse: how many times worse, or minus the kept part of what was learned beyond chance."""
    if metric.share:
        learned, there = _skill(metric, base), _skill(metric, point)
        return None if not learned or there is None else -there / learned
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
    return skill(point.value, point.chance, perfect)
