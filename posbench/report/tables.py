"""Tables as data: the page, the markdown file, the README block and the terminal print the same cells."""

import dataclasses
import math

from posbench.report import statistics, texts
from posbench.report.boards import BY_POSITION, EXPLAINED, MEASURES, PROTOCOLS, Board
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
    if not math.isfinite(found.ratio):
        return Cell(found.word, f'nan at {found.worst:,}', math.inf, word=True)
    return Cell(found.word, f'×{found.ratio:.2f} at {found.worst:,}', found.ratio, word=True)


def lengths_of_run(board: Board, run: str) -> Table:
    """Rows are lengths; both protocols side by side."""
    columns = [Column('length', 'tokens')]
    for group in PROTOCOLS.values():
        columns += [Column(label, unit, group) for label, unit in MEASURES.values()]
        columns.append(Column('scored', 'tokens', group))
    columns += [Column('chance', 'unigram'), Column('seeds')]
    rows = []
    for length in board.lengths:
        cells = [Cell(f'{length:,}', board.multiple(length), length, word=True)]
        seeds = 0
        for protocol in PROTOCOLS:
            for measure in MEASURES:
                summary = board.summary(run, f'{protocol}/{measure}', length)
                seeds = max(seeds, summary.seeds if summary else 0)
                cells.append(value(summary))
            cells.append(integer([n for n in _examples(board, run, protocol, length) if n is not None]))
        chance = (board.chance(run, f'{protocol}/bits_per_character', length) for protocol in PROTOCOLS)
        cells += [number(next((c for c in chance if c is not None), None)), integer([seeds])]
        rows.append(cells)
    note = ' '.join(f'{PROTOCOLS[protocol].capitalize()}: {EXPLAINED[protocol]}.' for protocol in PROTOCOLS)
    return Table('Length table', note, columns, rows)


def lengths_of_study(board: Board, protocol: str) -> Table:
    """Rows are runs, columns are lengths: bits per character under one protocol."""
    metric = f'{protocol}/bits_per_character'
    columns = [Column('encoding'), *(Column(f'{n:,}', board.multiple(n), 'test length') for n in board.lengths)]
    columns += [
        Column('verdict'),
        Column('seeds'),
        Column('parameters', 'of the encoding'),
        Column('chance', 'unigram'),
    ]
    rows = []
    for run in board.runs:
        summaries = [board.summary(run, metric, length) for length in board.lengths]
        chance = (board.chance(run, metric, length) for length in board.lengths)
        rows.append(
            [
                name(run),
                *(Cell(texts.plus_minus(s), _unfinished(s), _sortable(s.mean if s else None)) for s in summaries),
                verdict(board, run, protocol),
                integer([max((s.seeds for s in summaries if s), default=0)]),
                parameters(board, run),
                number(next((c for c in chance if c is not None), None)),
            ]
        )
    title = f'Bits per character, {PROTOCOLS[protocol]}'
    note = f'{EXPLAINED[protocol].capitalize()}. Mean ± half of the 95 % interval.'
    return Table(title, note, columns, rows)


def everything(board: Board) -> Table:
    """Every mean there is except the loss by position, metrics that no other table knows included."""
    columns = [Column('run'), Column('split'), Column('metric'), Column('length'), Column('mean')]
    columns += [Column('interval'), Column('seeds'), Column('examples'), Column('chance')]
    rows = []
    order = {run: i for i, run in enumerate(board.runs)}
    keys = [key for key in board.cells if key[2] != BY_POSITION]
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


def _examples(board: Board, run: str, protocol: str, length: int) -> list[int | None]:
    return list(dict.fromkeys(row.examples for m in MEASURES for row in board.cell(run, f'{protocol}/{m}', length)))


def _unfinished(summary) -> str:
    return texts.spread(summary) if summary and summary.finite < summary.seeds else ''


def _sortable(amount: float | None) -> float | None:
    """NaN sorts with the worst."""
    return math.inf if amount is not None and math.isnan(amount) else amount
