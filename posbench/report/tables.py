"""Tables as data: the page, the markdown file, the README block and the terminal print the same cells."""

import dataclasses
import math

from posbench.report import statistics, texts
from posbench.report.boards import AT_POSITION, Board
from posbench.report.task import Metric
from posbench.report.texts import MISSING


@dataclasses.dataclass(frozen=True)
class Cell:
    """`text` with an optional second line; `sort` orders the column, None last."""

    text: str
    small: str = ''
    sort: float | None = None
    word: bool = False


@dataclasses.dataclass(frozen=True)
class Column:
    """A column with an optional second line; neighbours of one `group` share a heading."""

    name: str
    small: str = ''
    group: str = ''


@dataclasses.dataclass(frozen=True)
class Table:
    """`rows[i][j]` is the cell of `columns[j]`; the first column names the row."""

    title: str
    note: str
    columns: list[Column]
    rows: list[list[Cell]]

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Headings over neighbouring columns with their widths; empty when no column has one."""
        spans: list[tuple[str, int]] = []
        for column in self.columns:
            if spans and spans[-1][0] == column.group:
                spans[-1] = (column.group, spans[-1][1] + 1)
            else:
                spans.append((column.group, 1))
        return spans if any(name for name, _ in spans) else []


def name(text: str) -> Cell:
    """A cell of words."""
    return Cell(text, word=True)


def value(summary, digits: int = 3) -> Cell:
    """Mean over seeds, its interval below."""
    if summary is None:
        return Cell(MISSING)
    return Cell(texts.number(summary.mean, digits), texts.spread(summary, digits), _sortable(summary.mean))


def number(amount: float | None, digits: int = 3) -> Cell:
    """A cell that sorts by its value."""
    return Cell(texts.number(amount, digits), sort=_sortable(amount))


def integer(amounts: list[int]) -> Cell:
    """A cell of whole numbers; sorts by the first."""
    return Cell(texts.integers(amounts), sort=amounts[0] if amounts else None)


def parameters(board: Board, run: str) -> Cell:
    """All parameters, and below how many of them the encoding has."""
    own = board.facts(run, 'encoding_params')
    return dataclasses.replace(integer(board.facts(run, 'params')), small=texts.integers(own))


def verdict(board: Board, run: str, protocol: str) -> Cell:
    """The verdict on a run under a protocol, or a dash."""
    found = board.verdict(run, protocol)
    if found is None:
        return name(MISSING)
    return Cell(found.word, f'{found.left} at {found.worst:,}', found.badness, word=True)


def title(board: Board, protocol: str) -> str:
    """What is measured, and on which targets where there are several protocols."""
    label = f', {board.task.protocols[protocol].label}' if len(board.task.protocols) > 1 else ''
    return f'{texts.upper(board.metric.phrase)}{label}'


def lengths_of_run(board: Board, run: str) -> Table:
    """Rows are lengths; every metric under every protocol side by side, the deciding one first."""
    protocols, metrics = board.task.protocols, _metrics(board)
    columns = [Column('length', board.task.length_unit)]
    for protocol in protocols.values():
        group = protocol.label if len(protocols) > 1 else ''
        columns += [Column(metric.words, _unit(metric), group) for metric in metrics]
        columns.append(Column('scored', 'targets', group))
    guessed = {metric: _chances(board, run, metric) for metric in metrics}
    guessed = {metric: chances for metric, chances in guessed.items() if chances or metric == board.metric}
    columns += [Column('chance', metric.words if len(guessed) > 1 else board.guess) for metric in guessed]
    columns.append(Column('seeds'))
    rows = []
    for length in board.lengths:
        cells = [Cell(f'{length:,}', board.multiple(length), length, word=True)]
        seeds = 0
        for protocol in protocols:
            for metric in metrics:
                summary = board.summary(run, board.task.row(protocol, metric), length)
                seeds = max(seeds, summary.seeds if summary else 0)
                cells.append(value(summary))
            cells.append(integer([n for n in _examples(board, run, protocol, length) if n is not None]))
        cells += [number(chances.get(length)) for chances in guessed.values()]
        rows.append([*cells, integer([seeds])])
    if len(protocols) == 1:
        return Table('Length table', f'{texts.upper(protocols[board.task.main].scores)}.', columns, rows)
    note = ' '.join(f'{texts.upper(protocol.label)}: {protocol.scores}.' for protocol in protocols.values())
    return Table('Length table', note, columns, rows)


def of_study(board: Board, protocol: str) -> Table:
    """Rows are runs. Columns are lengths, of the deciding metric; or all metrics where there is but one length."""
    shown = [(board.metric, n) for n in board.lengths]
    columns = [Column(f'{n:,}', board.multiple(n), 'test length') for n in board.lengths]
    heading = title(board, protocol)
    if len(board.lengths) == 1:
        shown = [(metric, board.lengths[0]) for metric in _metrics(board)]
        columns = [Column(metric.words, _unit(metric)) for metric, _ in shown]
        if len(shown) > 1:
            label = f', {board.task.protocols[protocol].label}' if len(board.task.protocols) > 1 else ''
            heading = f'Test length {board.lengths[0]:,}{label}'
    judged = any(board.verdict(run, protocol) for run in board.runs) or len(board.lengths) > 1
    guesses = {run: [board.chance(run, board.task.row(protocol, m), n) for m, n in shown] for run in board.runs}
    # One column says what chance is; where it differs from cell to cell, each cell says its own.
    alike = all(len({guess for guess in found if guess is not None}) <= 1 for found in guesses.values())
    columns = [Column('encoding'), *columns, *([Column('verdict')] if judged else []), Column('seeds')]
    columns += [Column('parameters', 'of the encoding'), *([Column('chance', board.guess)] if alike else [])]
    rows = []
    for run in board.runs:
        summaries = [board.summary(run, board.task.row(protocol, metric), n) for metric, n in shown]
        chances = ['' if alike or c is None else f'chance {texts.number(c)}' for c in guesses[run]]
        rows.append(
            [
                name(run),
                *(
                    Cell(texts.plus_minus(s), '; '.join(filter(None, (_unfinished(s), c))), _sortable(s and s.mean))
                    for s, c in zip(summaries, chances)
                ),
                *([verdict(board, run, protocol)] if judged else []),
                integer([max((s.seeds for s in summaries if s), default=0)]),
                parameters(board, run),
                *([number(next((c for c in guesses[run] if c is not None), None))] if alike else []),
            ]
        )
    note = f'{texts.upper(board.task.protocols[protocol].scores)}. Mean ± half of the 95 % interval.'
    return Table(heading, note, columns, rows)


def matrix(figure: dict, heading: str) -> Table:
    """A figure of kind matrix, with its names and numbers."""
    group = figure.get('column_label', '')
    columns = [Column(figure.get('row_label', '')), *(Column(said, group=group) for said in figure['columns'])]
    rows = [
        [name(true), *(Cell(text, sort=_sortable(x)) for text, x in zip(line, values))]
        for true, line, values in zip(figure['rows'], texts.cells(figure['values']), figure['values'])
    ]
    return Table(heading, '', columns, rows)


def everything(board: Board) -> Table:
    """Every mean there is except those by position, metrics that no other table knows included."""
    columns = [Column('run'), Column('split'), Column('metric'), Column('length'), Column('mean')]
    columns += [Column('interval'), Column('seeds'), Column('examples'), Column('chance')]
    rows = []
    order = {run: i for i, run in enumerate(board.runs)}
    keys = [key for key in board.cells if not key[2].endswith(AT_POSITION)]
    for key in sorted(keys, key=lambda key: (order[key[0]], str(key[1]), key[2], key[3] is None, key[3] or 0)):
        run, split, metric, length = key
        cell = board.cells[key]
        summary = statistics.summarize([row.value for row in cell])
        rows.append(
            [
                name(run),
                name(split or MISSING),
                name(metric),
                integer([] if length is None else [length]),
                Cell(texts.number(summary.mean, 4), sort=_sortable(summary.mean)),
                Cell(texts.spread(summary, 4)),
                integer([summary.seeds]),
                integer([row.examples for row in cell if row.examples is not None]),
                number(next((row.chance for row in cell if row.chance is not None), None)),
            ]
        )
    return Table('Every number', '', columns, rows)


def _metrics(board: Board) -> list[Metric]:
    """The deciding metric, and the others in the task's order."""
    return sorted(board.task.metrics.values(), key=lambda metric: not metric.decides)


def _unit(metric: Metric) -> str:
    return metric.unit if metric.unit != metric.words else ''


def _chances(board: Board, run: str, metric: Metric) -> dict[int, float]:
    """By length, from whichever protocol was scored there: chance is a property of the data."""
    found = {}
    for protocol in board.task.protocols:
        found = board.chances(run, board.task.row(protocol, metric)) | found
    return found


def _examples(board: Board, run: str, protocol: str, length: int) -> list[int | None]:
    names = [board.task.row(protocol, metric) for metric in board.task.metrics.values()]
    return list(dict.fromkeys(row.examples for metric in names for row in board.cell(run, metric, length)))


def _unfinished(summary) -> str:
    return texts.spread(summary) if summary and summary.finite < summary.seeds else ''


def _sortable(amount: float | None) -> float | None:
    """NaN sorts with the worst."""
    return math.inf if amount is not None and math.isnan(amount) else amount
