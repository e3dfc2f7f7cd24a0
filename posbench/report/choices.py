"""What each choice of a grid does: of a study whose runs are made of levels, one level of a choice beside another."""

import dataclasses
import math
from collections.abc import Mapping

from matplotlib.figure import Figure

from posbench.report import canvas, numbers, statistics, tables, texts
from posbench.report.boards import Board
from posbench.report.statistics import effects
from posbench.report.tables import Cell, Column, Table

TITLE = 'What each choice does'
LINE = 0.2  # inches of the figure


@dataclasses.dataclass(frozen=True)
class Effect:
    """Of the deciding metric, at the training length: `level` of a choice minus its first level, `beside`.

    `overall` is of all `pairs` of runs that differ in this choice alone, `where` of those in which another choice is at
    one level, by (choice, level); None where there is no such pair.
    """

    choice: str
    level: str
    beside: str
    pairs: int
    overall: statistics.Summary
    where: dict[tuple[str, str], statistics.Summary | None]

    @property
    def name(self) -> str:
        return f'{self.choice}: {self.level}, not {self.beside}'


def of_board(board: Board, levels: Mapping[str, Mapping[str, str]]) -> list[Effect]:
    """Of every level but the first of each choice; [] without lengths, or where runs differ in no two choices.

    `levels` are those of the study's runs, by their names, in the order of the grid. The first level of a choice is the
    same on all boards: that of the runs with the most choices.
    """
    own = {run: dict(levels[run]) for run in levels if run in board.runs}
    choices: dict[str, dict[str, bool]] = {}
    for run, of_run in sorted(levels.items(), key=lambda item: -len(item[1])):
        for choice, level in of_run.items():
            known = choices.setdefault(choice, {})
            known[level] = known.get(level, False) or run in own
    choices = {choice: [level for level, is_here in known.items() if is_here] for choice, known in choices.items()}
    choices = {choice: found for choice, found in choices.items() if len(found) > 1}
    if len(choices) < 2 or not board.lengths:
        return []
    row, scale = board.task.row(board.task.main), 100 if board.metric.share else 1
    values = {run: {one.seed: scale * one.value for one in board.cell(run, row, _at(board))} for run in own}
    found = []
    for choice, (beside, *others) in choices.items():
        elsewhere = [(name, level) for name, known in choices.items() if name != choice for level in known]
        for level in others:
            overall, pairs = effects.effect(values, own, choice, level, beside)
            if overall is not None:
                where = {
                    (name, fixed): effects.effect(values, own, choice, level, beside, {name: fixed})[0]
                    for name, fixed in elsewhere
                }
                found.append(Effect(choice, level, beside, pairs, overall, where))
    return found


def headline(board: Board, found: list[Effect]) -> tuple[str, str]:
    """The largest effect of each choice in a sentence, from the largest one on; and the best and the worst run."""
    largest: dict[str, Effect] = {}
    for effect in sorted(found, key=lambda effect: -abs(effect.overall.mean)):
        largest.setdefault(effect.choice, effect)
    said = [f'{one.name}: {_cell(board, one.overall).text}' for one in largest.values()]
    unit, better = _unit(board), 'more' if board.metric.better == 'higher' else 'less'
    first = f'What moves the {board.metric.phrase} most{unit and f", {unit}"} ({better} is better): {"; ".join(said)}.'
    row, at = board.task.row(board.task.main), _at(board)
    ends = [f'{run} with {texts.plus_minus(board.summary(run, row, at))}' for run in (board.runs[0], board.runs[-1])]
    rest = f'Of {len(board.runs)} runs the best is {ends[0]}, the last {ends[1]}; {texts.each_of(board)}.'
    return first, ' '.join([rest, *texts.beside(board, single=False)])


def table(board: Board, found: list[Effect]) -> Table:
    """A row an effect: of all pairs, and of those in which another choice is at one level, a column each."""
    elsewhere = list(dict.fromkeys(place for effect in found for place in effect.where))
    columns = [Column('level'), Column('all pairs', _unit(board) or board.metric.unit), Column('pairs')]
    columns += [Column(level, '', choice) for choice, level in elsewhere]
    rows = []
    for effect in found:
        cells = [_cell(board, effect.where.get(place)) for place in elsewhere]
        rows.append(
            [Cell(f'{effect.choice}: {effect.level}', f'not {effect.beside}', word=True, exact=effect.name),
             _cell(board, effect.overall), tables.integer([effect.pairs]), *cells]
        )  # fmt: skip
    better = 'more' if board.metric.better == 'higher' else 'less'
    note = (
        f'{board.metric.phrase.capitalize()} with one level minus that with another, {better} is better: the mean over '
        'all pairs of runs that differ in this choice alone, below it the 95 % interval over seeds. Under the name of '
        'another choice: the pairs in which that is at one level.'
    )
    return Table(TITLE, note, columns, rows)


def figure(board: Board, found: list[Effect]) -> Figure | None:
    """A line an effect: its dot with the interval, and small dots where another choice is at one level."""
    if not found:
        return None
    names = [effect.name for effect in found]
    unit, side = _unit(board), 'right' if board.metric.better == 'higher' else 'left'
    subtitle = f'{board.metric.phrase}{unit and f", {unit}"}; better to the {side}; small dots: another choice fixed'
    fig = canvas.figure(1.05 + LINE * len(found), TITLE, subtitle)
    ax = canvas.panel(fig, left=2.35, right=0.2, bottom=0.38, top=0.66)
    order = list(dict.fromkeys(effect.choice for effect in found))
    for place, effect in enumerate(found):
        color = canvas.look(order.index(effect.choice))['color']
        small = [one.mean for one in effect.where.values() if one is not None and math.isfinite(one.mean)]
        ax.plot(small, [place] * len(small), 'o', color=color, markersize=2.5, alpha=0.35, linewidth=0)
        if effect.overall.low is not None:
            ax.plot([effect.overall.low, effect.overall.high], [place, place], color=color, linewidth=2)
        ax.plot(effect.overall.mean, place, 'o', color=color, markersize=5)
    ax.axvline(0, color=canvas.INK, linewidth=0.9)
    ax.set_ylim(len(found) - 0.4, -0.6)
    ax.set_yticks(range(len(found)), [canvas.name(text, 40) for text in names])
    ax.tick_params(labelsize=7.5)
    ax.grid(False, axis='y')
    ax.grid(True, axis='x')
    return fig


def _unit(board: Board) -> str:
    return 'in points' if board.metric.share else ''


def _at(board: Board) -> int | None:
    """The length that is compared."""
    return board.train_length if board.train_length is not None else next(iter(board.lengths), None)


def _cell(board: Board, summary: statistics.Summary | None) -> Cell:
    if summary is None:
        return Cell(numbers.MISSING)
    digits = 1 if board.metric.share else 3
    small = '' if summary.low is None else f'{summary.low:+.{digits}f} to {summary.high:+.{digits}f}'
    sort = summary.mean if math.isfinite(summary.mean) else None
    return Cell(f'{summary.mean:+.{digits}f}', small, sort, exact=tables.exactly(summary, None))
