"""Numbers and sentences. Every word here follows from rows; nothing is judged by hand."""

import math
from collections.abc import Iterable, Sequence

from posbench.report import statistics, verdicts
from posbench.report.boards import Board
from posbench.report.statistics import Summary
from posbench.report.task import Metric

MISSING = '—'
INTERVALS = (
    f'Intervals are 95 % percentile bootstrap intervals of the mean over seeds ({statistics.RESAMPLES:,} resamples, '
    f'fixed seed), from {statistics.MIN_SEEDS} seeds on. Of normal values they cover the true mean in 75 % of cases '
    f'with 3 seeds, 85 % with 5, 90 % with 10: with few seeds they are too narrow.'
)


def number(value: float | None, digits: int = 3) -> str:
    """A value as text of stable width: an em dash when unknown, nan and inf as they are, large ones with commas."""
    if value is None:
        return MISSING
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 1e6:
        return f'{value:.2e}'
    if abs(value) >= 1000:
        return f'{value:,.0f}'
    return f'{value:.{1 if abs(value) >= 100 else digits}f}'


def cells(lines: list[list[float | None]]) -> list[list[str]]:
    """Numbers of a matrix, as counts where all are whole; nothing where there is none."""
    known = [value for line in lines for value in line if value is not None]
    whole = all(math.isfinite(value) and value == int(value) for value in known)
    return [
        ['' if value is None else f'{value:,.0f}' if whole else number(value, 2) for value in line] for line in lines
    ]


def integers(values: Iterable[int]) -> str:
    """Distinct integers: one, a range of neighbours, or a list."""
    values = sorted(set(values))
    if not values:
        return MISSING
    if len(values) > 2 and values[-1] - values[0] == len(values) - 1:
        return f'{values[0]} to {values[-1]}'
    return ', '.join(f'{value:,}' for value in values)


def count(amount: int, noun: str) -> str:
    """A number with its noun in the singular or plural."""
    return f'{amount:,} {noun}' if amount == 1 else f'{amount:,} {noun}s'


def spread(summary: Summary | None, digits: int = 3) -> str:
    """What stands in an interval column: the interval, or why there is none."""
    if summary is None:
        return ''
    if summary.finite < summary.seeds:
        return f'{summary.finite} of {summary.seeds} finite'
    if summary.low is None:
        return count(summary.seeds, 'seed')
    return f'[{number(summary.low, digits)}, {number(summary.high, digits)}]'


def plus_minus(summary: Summary | None, digits: int = 3) -> str:
    """Mean ± half interval; the mean alone where there is no interval."""
    if summary is None:
        return MISSING
    mean = number(summary.mean, digits)
    return mean if summary.half is None else f'{mean} ± {number(summary.half, digits)}'


def upper(text: str) -> str:
    """Prose as the beginning of a sentence, the other letters as they are."""
    return text[:1].upper() + text[1:]


def trained(board: Board) -> str:
    """'trained on 128 tokens', or 'trained at length 128' where a length has no unit; '' if unknown."""
    if board.train_length is None:
        return ''
    unit = board.task.length_unit
    if not unit:
        return f'trained at length {board.train_length:,}'
    return f'trained on {board.train_length:,} {unit.removesuffix("s") if board.train_length == 1 else unit}'


def quantity(metric: Metric, value: str) -> str:
    """A value with what it is: '1.98 bits per character', 'accuracy 0.93'."""
    return f'{value} {metric.unit}' if metric.unit == metric.words else f'{metric.words} {value}'.strip()


def baselines(board: Board) -> str:
    """The reference models: 'unigram 4.30, 5-gram 2.20', both values where the runs scored different data."""
    return ', '.join(
        f'{name} {" or ".join(number(value, board.metric.digits) for value in values)}'
        for name, values in board.baselines.items()
    )


def chance(board: Board) -> str:
    """What chance gives under the main protocol: '0.500', '0.500 to 0.613' over the lengths; '' if unknown."""
    values = [value for run in board.runs for value in board.chances(run, board.task.row(board.task.main)).values()]
    ends = (min(values), max(values)) if values else ()
    return ' to '.join(dict.fromkeys(number(value, board.metric.digits) for value in ends))


def headline(board: Board, *, single: bool) -> tuple[str, str]:
    """The result in a sentence, and what it must be read with."""
    if not board.lengths:
        return f'{", ".join(board.runs)}: no length table; every number is listed below.', ''
    lead, *rest = _one_run(board, board.runs[0]) if single else _many_runs(board)
    guess = chance(board)
    if guess and not board.guess:
        rest.append(f'Chance: {guess}.')
    reference = baselines(board)
    if reference:
        rest.append(f'On the same data: {reference}{_behind(board) if single else ""}.')
    return lead, ' '.join(rest)


def _one_run(board: Board, run: str) -> list[str]:
    main = board.task.main
    points = {n: board.point(run, main, n) for n in board.lengths}
    points = {n: point for n, point in points.items() if point is not None}
    if not points:
        return [f'{run}: no {board.metric.words} of {board.task.protocols[main].label}.']
    name = f'{run}, {trained(board)}' if board.train_length else run
    base, longest = points.get(board.train_length), max(points)
    verdict, digits = board.verdict(run, main), board.metric.digits

    def at(length: int) -> str:
        return f'{number(points[length].value, digits)} at {length:,}'

    if verdict is None or base is None:
        if len(points) == 1:
            return [f'{name}: {quantity(board.metric, number(points[longest].value, digits))} at {longest:,}.']
        return [f'{name}: {", ".join(at(n) for n in points)} ({board.metric.phrase}).']
    first = f'{quantity(board.metric, number(base.value, digits))} at {board.train_length:,}'
    if verdict.word in ('diverged', 'never learned'):
        return [f'{name}, {verdict.word}: {first}.']
    beyond = 'them' if board.task.length_unit else 'it'
    kept = verdicts.left(board.metric, base, points[longest])
    kept = f' ({kept})' if kept and math.isfinite(points[longest].value) else ''
    sentences = [f'{name}, {verdict.word} beyond {beyond}: {first}, {at(longest)}{kept}.']
    if verdict.worst != longest and verdict.word != 'holds':
        sentences.append(f'Worst at {verdict.worst:,}: {number(points[verdict.worst].value, digits)}.')
    for protocol, known in board.task.protocols.items():
        other = board.verdict(run, protocol)
        if other is not None and other.word != verdict.word:
            sentences.append(f'By {known.label}: {other.word}, {other.left} at {other.worst:,}.')
    return sentences


def _behind(board: Board) -> str:
    """Which reference models beat the only run where it was trained: whatever holds is then worth little."""
    own = board.point(board.runs[0], board.task.main, board.train_length)
    better = [
        name
        for name, values in board.baselines.items()
        if own is not None and any(board.metric.is_better(value, own.value) for value in values)
    ]
    return (
        f'; at the training length the {_list(better)} {"is" if len(better) == 1 else "are"} better' if better else ''
    )


def _many_runs(board: Board) -> list[str]:
    found = [(board.verdict(run, board.task.main), run) for run in board.runs]
    groups = [[run for verdict, run in found if verdict is not None and verdict.word == word] for word in _VERBS]
    parts = [f'{_list(runs)} {verbs[len(runs) > 1]}' for runs, verbs in zip(groups, _VERBS.values()) if runs]
    seeds = sorted({len(board.seeds(run)) for run in board.runs})
    each = ' to '.join(str(n) for n in dict.fromkeys((seeds[0], seeds[-1])))
    amount = f'{count(len(board.runs), "encoding")}, {each} {"seed" if each == "1" else "seeds"} each.'
    if not parts:
        return [*_best(board), amount]
    longest = board.lengths[-1]
    scored = f' and scored up to {longest:,}' if longest != board.train_length else ''
    return [f'{upper(trained(board))}{scored}: {"; ".join(parts)}.', *_best(board), amount]


# One run does, several do.
_VERBS = {
    'holds': ('holds', 'hold'),
    'degrades': ('degrades', 'degrade'),
    'falls apart': ('falls apart', 'fall apart'),
    'diverged': ('diverged', 'diverged'),
    'never learned': ('never learned', 'never learned'),
}


def _best(board: Board) -> list[str]:
    """The best at the training length, and who cannot be told from it."""
    metric = board.task.row(board.task.main)
    cells = {run: board.summary(run, metric, board.train_length) for run in board.runs}
    best = cells[board.runs[0]]
    if best is None or board.train_length is None or not math.isfinite(best.mean):
        return []
    near = [run for run, cell in cells.items() if run != board.runs[0] and cell is not None and cell.overlaps(best)]
    most = 'Lowest' if board.metric.lower else 'Highest'
    text = f'{most} at {board.train_length:,}: {board.runs[0]} with {quantity(board.metric, plus_minus(best))}'
    if not near:
        return [f'{text}.']
    who = f'the interval of {near[0]} overlaps' if len(near) == 1 else f'the intervals of {_list(near)} overlap'
    return [f'{text}; {who} with it.']


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f'{", ".join(names[:-1])} and {names[-1]}'
