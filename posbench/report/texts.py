"""Numbers and sentences. Every word here follows from rows; nothing is judged by hand."""

import math
from collections.abc import Iterable, Sequence

from posbench.report import statistics
from posbench.report.boards import HOLDS, Board
from posbench.report.statistics import Summary

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


def baselines(board: Board, digits: int = 2) -> str:
    """The reference models: 'unigram 4.30, 5-gram 2.20', both values where the runs scored different text."""
    return ', '.join(
        f'{name} {" or ".join(number(value, digits) for value in values)}' for name, values in board.baselines.items()
    )


def headline(board: Board, *, single: bool) -> tuple[str, str]:
    """The result in a sentence, and what it must be read with."""
    if not board.lengths:
        return f'{", ".join(board.runs)}: no length table; every number is listed below.', ''
    lead, *rest = _one_run(board, board.runs[0]) if single else _many_runs(board)
    reference = baselines(board)
    if reference:
        rest.append(f'On the same text: {reference}{_behind(board) if single else ""}.')
    return lead, ' '.join(rest)


def _one_run(board: Board, run: str) -> list[str]:
    means = {n: board.summary(run, 'windows/bits_per_character', n) for n in board.lengths}
    means = {n: summary.mean for n, summary in means.items() if summary is not None}
    if not means:
        return [f'{run}: no bits per character of windows.']
    base, longest = means.get(board.train_length), max(means)
    trained = f'{run}, trained on {count(board.train_length, "token")}' if board.train_length else run
    verdict = board.verdict(run, 'windows')
    if verdict is None or base is None:
        values = ', '.join(f'{number(mean, 2)} at {n:,}' for n, mean in means.items())
        return [f'{trained}: {values} (bits per character).']
    if verdict.word == 'diverged':
        return [f'{trained}, diverged: {number(base, 2)} bits per character at {board.train_length:,}.']
    sentences = [
        f'{trained}, {verdict.word} beyond them: {number(base, 2)} bits per character at {board.train_length:,}, '
        f'{number(means[longest], 2)} at {longest:,} (×{number(means[longest] / base, 2)}).'
    ]
    if verdict.worst != longest and not verdict.ratio <= HOLDS:
        sentences.append(f'Worst at {verdict.worst:,}: {number(means[verdict.worst], 2)}.')
    return sentences


def _behind(board: Board) -> str:
    """Which reference models beat the only run where it was trained: whatever holds is then worth little."""
    own = board.summary(board.runs[0], 'windows/bits_per_character', board.train_length)
    better = [name for name, values in board.baselines.items() if own is not None and own.mean > min(values)]
    return (
        f'; at the training length the {_list(better)} {"is" if len(better) == 1 else "are"} better' if better else ''
    )


def _many_runs(board: Board) -> list[str]:
    found = [(board.verdict(run, 'windows'), run) for run in board.runs]
    groups = [
        (verb, [run for verdict, run in found if verdict is not None and verdict.word == word])
        for word, verb in (('holds', 'hold'), ('degrades', 'degrade'), ('falls apart', 'fall apart'), ('diverged', ''))
    ]
    parts = [f'{_list(runs)} {_agreeing(verb, len(runs))}' for verb, runs in groups if runs]
    seeds = sorted({len(board.seeds(run)) for run in board.runs})
    each = ' to '.join(str(n) for n in dict.fromkeys((seeds[0], seeds[-1])))
    amount = f'{count(len(board.runs), "encoding")}, {each} {"seed" if each == "1" else "seeds"} each.'
    if not parts:
        return [amount, *_lowest(board)]
    lead = f'Trained on {board.train_length:,} tokens and scored up to {board.lengths[-1]:,}: {"; ".join(parts)}.'
    return [lead, *_lowest(board), amount]


def _lowest(board: Board) -> list[str]:
    """The lowest at the training length, and who cannot be told from it."""
    cells = {run: board.summary(run, 'windows/bits_per_character', board.train_length) for run in board.runs}
    best = cells[board.runs[0]]
    if best is None or not math.isfinite(best.mean):
        return []
    near = [run for run, cell in cells.items() if run != board.runs[0] and cell is not None and cell.overlaps(best)]
    text = f'Lowest at {board.train_length:,}: {board.runs[0]} with {plus_minus(best)} bits per character'
    if not near:
        return [f'{text}.']
    who = f'the interval of {near[0]} overlaps' if len(near) == 1 else f'the intervals of {_list(near)} overlap'
    return [f'{text}; {who} with it.']


def _agreeing(verb: str, subjects: int) -> str:
    if not verb:
        return 'diverged'
    return verb if subjects > 1 else verb.replace(verb.split()[0], verb.split()[0] + 's', 1)


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f'{", ".join(names[:-1])} and {names[-1]}'
