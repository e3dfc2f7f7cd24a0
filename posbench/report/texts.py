"""Numbers and sentences. Every word here follows from rows; nothing is judged by hand."""

import collections
import math
from collections.abc import Iterable, Sequence

from posbench import failures
from posbench.report import noise, statistics, verdicts
from posbench.report.boards import Board
from posbench.report.numbers import MISSING, number
from posbench.report.statistics import Summary
from posbench.report.task import Metric
from posbench.report.verdicts import Verdict

INTERVALS = (
    f'Intervals are 95 % percentile bootstrap intervals of the mean over seeds ({statistics.RESAMPLES:,} resamples, '
    f'fixed seed), from {statistics.MIN_SEEDS} seeds on. Of normal values they cover the true mean in 75 % of cases '
    f'with 3 seeds, 85 % with 5, 90 % with 10: with few seeds they are too narrow.'
)
NOISE = (
    'Noise of a difference is that of the scored data, from parts of it (jackknife), and with two or more seeds that '
    'of the seeds as well; both are taken of differences on the same data and by the same seeds. Runs or lengths are '
    'told apart where their difference is larger, with 95 % confidence.'
)
UNKNOWN_NOISE = (
    'Of some runs nobody wrote down what other data would have given (parts.jsonl): there only the seeds say how large '
    'noise is, and of one seed nothing does. `--mode=evaluate` on the folder of a run writes it.'
)
ONE_SEED = 'Of one seed: another one may give other numbers.'
MANY = 'Of a task with more than {most} runs there are no figures of single runs here: each has a report of its own.'


# So many runs without results are named one by one.
FEW = 5


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
    """What stands in an interval column: the interval, or how many seeds ended well; nothing of few seeds."""
    if summary is None:
        return ''
    if summary.finite < summary.seeds:
        return f'{summary.finite} of {summary.seeds} finite'
    if summary.low is None:
        return ''
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
    return lead, ' '.join([*rest, *beside(board, single=single)])


def beside(board: Board, *, single: bool) -> list[str]:
    """A sentence on chance, and one on the reference models, where they are known."""
    guess, reference = chance(board), baselines(board)
    found = [f'Chance: {guess}.'] if guess and not board.guess else []
    return found + ([f'On the same data: {reference}{_behind(board) if single else ""}.'] if reference else [])


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
        return [f'{name}, {verdict.word}: {first}.', *_by_others(board, run, verdict)]
    kept = verdicts.left(board.metric, base, points[longest])
    kept = f' ({kept})' if kept and math.isfinite(points[longest].value) else ''
    others = _by_others(board, run, verdict)
    if verdict.word == 'too weak':
        return [f'{name}, too weak to judge, {verdict.note}: {first}, {at(longest)}{kept}.', *others]
    by = f' by {board.task.protocols[main].label}' if others else ''
    beyond = 'them' if board.task.length_unit else 'it'
    sentences = [f'{name}, {verdict.word} beyond {beyond}{by}: {first}, {at(longest)}{kept}.']
    if verdict.worst != longest and verdict.word != 'holds':
        sentences.append(f'Worst at {verdict.worst:,}: {number(points[verdict.worst].value, digits)}.')
    if verdict.allows:
        sentences.append(f'Noise allows: {" or ".join(verdict.allows)}.')
    return sentences + others


def _by_others(board: Board, run: str, main: Verdict) -> list[str]:
    """What the protocols besides the main one say, where it is the same too."""
    found = [(known.label, board.verdict(run, protocol)) for protocol, known in board.task.protocols.items()]
    return [
        f'By {label}{" too:" if verdict.word == main.word else f": {verdict.word},"} {verdict.says}.'
        for label, verdict in found[1:]
        if verdict is not None
    ]


def _behind(board: Board) -> str:
    """Which reference models beat the only run where it was trained: whatever holds is then worth little."""
    own = board.point(board.runs[0], board.task.main, board.train_length)
    better = [
        name
        for name, values in board.baselines.items()
        if own is not None and any(board.metric.is_better(value, own.value) for value in values)
    ]
    return (
        f'; at the training length the {listed(better)} {"is" if len(better) == 1 else "are"} better' if better else ''
    )


def _many_runs(board: Board) -> list[str]:
    """Runs in the order of their values, so that no word ranks them; then the best, in values."""
    groups: dict[tuple, list[str]] = {}
    for run in board.runs:
        found = {protocol: board.verdict(run, protocol) for protocol in board.task.protocols}
        words = tuple((protocol, verdict.word) for protocol, verdict in found.items() if verdict is not None)
        if words:
            groups.setdefault(words, []).append(run)
    parts = [f'{listed(runs)} {_outcome(board, dict(words), len(runs) > 1)}' for words, runs in groups.items()]
    amount = f'{count(len(board.runs), "encoding")}, {each_of(board)}.'
    if not parts:
        return [*_best(board, board.train_length), amount]
    longest = board.lengths[-1]
    scored = f' and scored up to {longest:,}' if longest != board.train_length else ''
    lead = f'{upper(trained(board))}{scored}: {"; ".join(parts)}.'
    best = [*_best(board, board.train_length), *(_best(board, longest) if scored else [])]
    return [lead, *_unsure(board), *best, amount]


def each_of(board: Board) -> str:
    """'5 seeds each', '3 to 5 seeds each'."""
    seeds = sorted({len(board.seeds(run)) for run in board.runs})
    each = ' to '.join(str(n) for n in dict.fromkeys((seeds[0], seeds[-1])))
    return f'{each} {"seed" if each == "1" else "seeds"} each'


def _unsure(board: Board) -> list[str]:
    """Whose words noise might change."""
    verdicts_of = {run: [board.verdict(run, protocol) for protocol in board.task.protocols] for run in board.runs}
    unsure = [run for run, found in verdicts_of.items() if any(verdict and verdict.allows for verdict in found)]
    return [f'Noise allows another word for {listed(unsure)}.'] if unsure else []


def _outcome(board: Board, words: dict[str, str], several: bool) -> str:
    """'holds'; 'degrades by windows, falls apart by last tokens' where the protocols do not agree."""
    if len(set(words.values())) == 1:
        return _VERBS[next(iter(words.values()))][several]
    by_word: dict[str, list[str]] = {}
    for protocol, word in words.items():
        by_word.setdefault(word, []).append(board.task.protocols[protocol].label)
    return ', '.join(f'{_VERBS[word][several]} by {listed(labels)}' for word, labels in by_word.items())


# One run does, several do.
_VERBS = {
    'holds': ('holds', 'hold'),
    'dips': ('dips', 'dip'),
    'degrades': ('degrades', 'degrade'),
    'falls apart': ('falls apart', 'fall apart'),
    'diverged': ('diverged', 'diverged'),
    'never learned': ('never learned', 'never learned'),
    'too weak': ('is too weak to judge', 'are too weak to judge'),
}


def _best(board: Board, length: int | None) -> list[str]:
    """The best at a length by each protocol, and who cannot be told from it."""
    found = {protocol: _first(board, protocol, length) for protocol in board.task.protocols}
    found = {protocol: text for protocol, text in found.items() if text}
    most = 'Lowest' if board.metric.lower else 'Highest'
    if not found:
        return []
    several = len(board.task.protocols) > 1
    by = {protocol: f'by {known.label} ' if several else '' for protocol, known in board.task.protocols.items()}
    return [f'{most} at {length:,}: {"; ".join(by[protocol] + text for protocol, text in found.items())}.']


def _first(board: Board, protocol: str, length: int | None) -> str:
    """'rope with 1.83 bits per character (t5 and fire: within noise)'; '' where nothing was scored."""
    cells = {run: board.measured(run, protocol, length) for run in board.runs}
    cells = {run: cell for run, cell in cells.items() if cell is not None and math.isfinite(cell.mean)}
    if not cells or length is None:
        return ''
    best = min(cells, key=lambda run: board.metric.badness(cells[run].mean))
    near = [run for run in cells if run != best and noise.told_apart(cells[best], cells[run]) is False]
    summary = board.summary(best, board.task.row(protocol), length)
    text = f'{best} with {quantity(board.metric, plus_minus(summary))}'
    return f'{text} ({listed(near)}: within noise)' if near else text


def listed(names: Sequence[str]) -> str:
    """'a', 'a and b', 'a, b and c'."""
    return names[0] if len(names) == 1 else f'{", ".join(names[:-1])} and {names[-1]}'


def without_results(failed: Sequence[dict]) -> list[tuple[str, str, str]]:
    """Runs that failed, and those that are not finished, each with the reason: (run, reason, '').

    More than a few of either are one line, with counts: ('165 runs', '160 not begun, 5 ...', their names).
    """
    lines = []
    for of_kind in ([item for item in failed if failures.word(item)], [x for x in failed if not failures.word(x)]):
        if len(of_kind) <= FEW:
            lines += [(item['run'], _why(item), '') for item in of_kind]
        else:
            counts = collections.Counter(failures.word(item) or item['reason'] for item in of_kind)
            why = ', '.join(f'{amount:,} {reason}' for reason, amount in counts.most_common())
            lines.append((f'{len(of_kind):,} runs', why, ', '.join(item['run'] for item in of_kind)))
    return lines


def _why(item: dict) -> str:
    word, attempts = failures.word(item), item.get('attempts') or 1
    return ''.join([f'{word}: ' * bool(word), item['reason'], f' ({attempts} attempts)' * (attempts > 1)])


def trial(overrides: dict[str, str]) -> str:
    """What a study is that was run with knobs of its own set for all its runs; '' of a whole one."""
    knobs = ', '.join(f'config.{key}={value}' for key, value in overrides.items())
    return f'A trial: {knobs} in all runs, whatever the study says of them.' if knobs else ''
