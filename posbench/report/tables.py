"""Tables as data: the page, the markdown files, CSV, LaTeX, the README block and the terminal have the same cells."""

import dataclasses
import math

from posbench.report import numbers, statistics, texts
from posbench.report.boards import AT_POSITION, Board
from posbench.report.numbers import MISSING
from posbench.report.task import Metric

# A number in full or a text; None where there is nothing.
Exact = float | int | str | None


@dataclasses.dataclass(frozen=True)
class Cell:
    """`text` with an optional second line; `sort` orders the column, None last.

    `exact` is what a file of numbers has instead (records.py): a value in full, or several, each with its name.
    """

    text: str
    small: str = ''
    sort: float | None = None
    word: bool = False
    exact: Exact | dict[str, Exact] = None


@dataclasses.dataclass(frozen=True)
class Column:
    """A column with an optional second line; neighbours of one `group` share a heading."""

    name: str
    small: str = ''
    group: str = ''


@dataclasses.dataclass(frozen=True)
class Table:
    """`rows[i][j]` is the cell of `columns[j]`; the first column names the row.

    `file` is what its files beside the report are called, without the suffix; '' of a table that has none.
    """

    title: str
    note: str
    columns: list[Column]
    rows: list[list[Cell]]
    file: str = ''

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


def value(summary, digits: int = 3, chance: float | None = None) -> Cell:
    """Mean over seeds, its interval below."""
    if summary is None:
        return Cell(MISSING)
    text, small = numbers.number(summary.mean, digits), texts.spread(summary, digits)
    return Cell(text, small, _sortable(summary.mean), exact=exactly(summary, chance))


def plus_minus(summary, small: str = '', chance: float | None = None) -> Cell:
    """Mean over seeds ± half of its interval."""
    if summary is None:
        return Cell(MISSING)
    return Cell(texts.plus_minus(summary), small, _sortable(summary.mean), exact=exactly(summary, chance))


def exactly(summary: statistics.Summary, chance: float | None) -> dict[str, Exact]:
    """All that a mean over seeds is."""
    ends = dict(low=summary.low, high=summary.high)
    return dict(mean=summary.mean, **ends, seeds=summary.seeds, chance=chance)


def number(amount: float | None, digits: int = 3) -> Cell:
    """A cell that sorts by its value."""
    return Cell(numbers.number(amount, digits), sort=_sortable(amount), exact=amount)


def integer(amounts: list[int]) -> Cell:
    """A cell of whole numbers; sorts by the first."""
    text = texts.integers(amounts)
    exact = amounts[0] if len(set(amounts)) == 1 else text if amounts else None
    return Cell(text, sort=amounts[0] if amounts else None, exact=exact)


def parameters(board: Board, run: str) -> Cell:
    """All parameters, and below how many of them the encoding has."""
    every, own = integer(board.facts(run, 'params')), integer(board.facts(run, 'encoding_params'))
    return dataclasses.replace(every, small=own.text, exact={'': every.exact, 'of the encoding': own.exact})


def verdict(board: Board, run: str, protocol: str) -> Cell:
    """The verdict on a run under a protocol, or a dash; sorts by the value at the longest length."""
    found = board.verdict(run, protocol)
    if found is None:
        return name(MISSING)
    longest = board.point(run, protocol, board.lengths[-1])
    return Cell(found.word, found.says, longest and _sortable(longest.value), word=True)


def title(board: Board, protocol: str) -> str:
    """What is measured, and on which targets where there are several protocols."""
    label = f', {board.task.protocols[protocol].label}' if len(board.task.protocols) > 1 else ''
    return f'{texts.upper(board.metric.phrase)}{label}'


def lengths_of_run(board: Board, run: str) -> Table:
    """Rows are lengths, and below them the verdicts.

    First the deciding metric under each protocol and chance, which a narrow screen has room for; then under each
    protocol the other metrics and how much was scored.
    """
    protocols, others = board.task.protocols, [metric for metric in _metrics(board) if not metric.decides]
    several = len(protocols) > 1
    columns = [Column('length', board.task.length_unit)]
    # (protocol, metric) of each column; of chance there is no protocol, of how much was scored no metric.
    shown = [(protocol, board.metric) for protocol in protocols] + [(None, board.metric)]
    for known in protocols.values():
        heads = (known.label, '') if several else (board.metric.words, _unit(board.metric))
        columns.append(Column(*heads, board.metric.phrase if several else ''))
    columns.append(Column('chance', board.guess, board.metric.phrase if several else ''))
    for protocol, known in protocols.items():
        group = known.label if several else ''
        columns += [Column(metric.words, _unit(metric), group) for metric in others]
        columns.append(Column('scored', 'targets', group))
        shown += [(protocol, metric) for metric in [*others, None]]
    guessed = [metric for metric in others if _chances(board, run, metric)]
    columns += [Column('chance', metric.words) for metric in guessed]
    shown += [(None, metric) for metric in guessed]
    rows = [
        [
            Cell(f'{length:,}', board.multiple(length), length, word=True, exact=length),
            *(_of_run(board, run, protocol, metric, length) for protocol, metric in shown),
        ]
        for length in board.lengths
    ]
    judged = [verdict(board, run, protocol) for protocol in protocols]
    if any(cell.text != MISSING for cell in judged):
        blank = [Cell('')] * (len(shown) - len(judged))
        rows.append([name('verdict'), *(dataclasses.replace(cell, sort=None) for cell in judged), *blank])
    scores = [f'{texts.upper(known.label)}: {known.scores}.' for known in protocols.values()]
    if not several:
        scores = [f'{texts.upper(protocols[board.task.main].scores)}.']
    seeds = texts.count(len(board.seeds(run)), 'seed')
    return Table('Length table', ' '.join([*scores, *_covers(board), f'Mean over {seeds}.']), columns, rows)


def _of_run(board: Board, run: str, protocol: str | None, metric: Metric | None, length: int) -> Cell:
    if metric is None:
        return integer([n for n in _examples(board, run, protocol, length) if n is not None])
    if protocol is None:
        return number(_chances(board, run, metric).get(length))
    row = board.task.row(protocol, metric)
    return value(board.summary(run, row, length), chance=board.chance(run, row, length))


def of_study(board: Board, protocol: str) -> Table:
    """Rows are runs, and below them what anybody has; the verdict stands beside the name.

    Columns are lengths, of the deciding metric; or all metrics where there is but one length.
    """
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
    seeds = {len(board.seeds(run)) for run in board.runs}
    columns = [Column('encoding'), *([Column('verdict')] if judged else []), *columns]
    columns += [*([Column('seeds')] if len(seeds) > 1 else []), Column('parameters', 'of the encoding')]
    alike = chance_row(board, protocol, shown)
    rows = []
    for run in board.runs:
        cells = []
        for metric, n in shown:
            found, guess = board.summary(run, row := board.task.row(protocol, metric), n), board.chance(run, row, n)
            own = '' if alike or guess is None else f'chance {numbers.number(guess)}'
            small = '; '.join(filter(None, (_unfinished(found), own)))
            cells.append(plus_minus(found, small, guess))
        rows.append(
            [
                name(run),
                *([verdict(board, run, protocol)] if judged else []),
                *cells,
                *([integer([len(board.seeds(run))])] if len(seeds) > 1 else []),
                parameters(board, run),
            ]
        )
    for run, word in board.failed.items():
        cells = [Cell(MISSING if judged else word)] * len(shown)
        seeds_of = [Cell(MISSING)] * (len(seeds) > 1)
        rows.append([name(run), *([name(word)] if judged else []), *cells, *seeds_of, Cell(MISSING)])
    blank, after = [Cell('', word=True)] * judged, [Cell('')] * ((len(seeds) > 1) + 1)
    below = [(alike[0], [number(amount) for amount in alike[1]])] if alike else []
    rows += [[name(who), *blank, *cells, *after] for who, cells in below + _reference_rows(board, shown)]
    mean = f'Mean over {texts.count(min(seeds), "seed")}' if len(seeds) == 1 else 'Mean over seeds'
    spread = ' ± half of the 95 % interval' if max(seeds) >= statistics.MIN_SEEDS else ''
    scores = f'{texts.upper(board.task.protocols[protocol].scores)}.'
    return Table(heading, ' '.join([scores, *_covers(board), f'{mean}{spread}.']), columns, rows)


def chance_row(board: Board, protocol: str, shown: list[tuple[Metric, int]]) -> tuple[str, list] | None:
    """What chance gives for each metric and length, under its name; None where runs do not agree on it."""
    found = []
    for metric, n in shown:
        known = {board.chance(run, board.task.row(protocol, metric), n) for run in board.runs} - {None}
        if len(known) > 1:
            return None
        found.append(next(iter(known), None))
    return f'chance ({board.guess})' if board.guess else 'chance', found


def _reference_rows(board: Board, shown: list[tuple[Metric, int]]) -> list[tuple[str, list[Cell]]]:
    """Models that nobody trained here, but for the one that is chance: one value, whatever the length."""
    cells = {
        who: Cell(' or '.join(numbers.number(value) for value in values), sort=values[0], exact=_one(values))
        for who, values in board.baselines.items()
        if who != board.guess
    }
    return [(who, [cell if metric == board.metric else Cell('') for metric, _ in shown]) for who, cell in cells.items()]


def _one(values: list[float]) -> Exact:
    """The value, or all of several as a text."""
    return values[0] if len(values) == 1 else ' or '.join(map(repr, values))


def _covers(board: Board) -> list[str]:
    return [f'Chance: {board.task.chance}.'] if board.task.chance else []


def matrix(figure: dict, heading: str) -> Table:
    """A figure of kind matrix, with its names and numbers."""
    group = figure.get('column_label', '')
    columns = [Column(figure.get('row_label', '')), *(Column(said, group=group) for said in figure['columns'])]
    rows = [
        [name(true), *(Cell(text, sort=_sortable(x), exact=x) for text, x in zip(line, values))]
        for true, line, values in zip(figure['rows'], texts.cells(figure['values']), figure['values'])
    ]
    return Table(heading, '', columns, rows)


def everything(board: Board) -> Table:
    """Every mean there is except those by position, metrics that no other table knows included."""
    columns = [Column('run'), Column('split'), Column('metric'), Column('length'), Column('mean')]
    spread = any(len(board.seeds(run)) >= statistics.MIN_SEEDS for run in board.runs)
    columns += [*([Column('interval')] if spread else []), Column('seeds'), Column('examples'), Column('chance')]
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
                Cell(numbers.number(summary.mean, 4), sort=_sortable(summary.mean), exact=summary.mean),
                *([Cell(texts.spread(summary, 4), exact=dict(low=summary.low, high=summary.high))] if spread else []),
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
