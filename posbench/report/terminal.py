"""The table in the terminal: colours where there is a terminal, plain text in a pipe, never wider than the line."""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from posbench.report import numbers, page, statistics, tables, texts, verdicts, word_vectors
from posbench.report.boards import Board
from posbench.report.folder import Run, Study
from posbench.report.numbers import MISSING

_STYLES = dict(zip(verdicts.WORDS, ('green', 'yellow', 'yellow', 'red', 'red', 'red', 'dim'), strict=True))
_PLAIN = str.maketrans({'±': '~', '—': '-', '×': 'x', '÷': '/', '…': '.', '–': '-', '·': '.'})


def show(study: Study, found: Sequence[Board], written: Sequence[str], *, file: TextIO | None = None) -> None:
    """Prints headline, length tables, claims and failed runs."""
    with _printed(file or sys.stdout) as console:
        if line := texts.trial(study.overrides):
            console.print(Text(line, style='yellow'))
        for board in found:
            lead, rest = page.headline(study, board)
            console.print(Text(lead, style='bold'))
            console.print(Text(rest))
            if of_words := word_vectors.runs_of(board, study.runs):
                _show_words(console, board, of_words)
            if board.lengths:
                guess = texts.chance(board)
                beside = f'; {board.guess or "chance"} {guess}' if guess else ''
                console.print(Text(f'\n{board.metric.phrase} by test length{beside}', style='dim'))
                protocols = board.task.protocols
                for item in [_run(console, board)] if study.single else [_study(console, board, p) for p in protocols]:
                    console.print(item)
                    console.print()
        for claim in study.claims:
            passed = claim['verdict'] == 'PASS'
            console.print(Text.assemble((claim['verdict'], 'green' if passed else 'red'), f'  {claim["claim"]}'))
        for who, why, _ in texts.without_results(study.failed):
            console.print(Text.assemble(('no results', 'red'), f'  {who}: {why}'))
        for item in study.left_over:
            console.print(Text(f'left over: {item["name"]} ({item["why"]})', style='dim'))
        console.print(Text('  '.join(written), style='dim'))


def show_table(
    lead: str, said: Sequence[str], heads: Sequence[str], rows: Sequence, failed: Sequence[str], written: Sequence[str]
) -> None:
    """Prints a table of a leaderboard: what it says in a sentence, notes, and the runs without results."""
    with _printed(sys.stdout) as console:
        console.print(Text(lead, style='bold'))
        item = _table(*heads)
        for first, *others in rows:
            item.add_row(Text(_written(console, first)), *map(Text, others))
        console.print(item)
        for line in said:
            console.print(Text(line, style='dim'))
        for line in failed:
            console.print(Text.assemble(('no results', 'red'), f'  {line}'))
        console.print(Text('  '.join(written), style='dim'))


@contextlib.contextmanager
def _printed(file: TextIO) -> Iterator[Console]:
    """A console whose lines are written at its end, in letters that the file has a code for."""
    console = Console(file=file, highlight=False, soft_wrap=False)
    with console.capture() as capture:
        yield console
    text = capture.get()
    try:
        text.encode(console.encoding)
    except UnicodeEncodeError:
        text = text.translate(_PLAIN).encode(console.encoding, 'backslashreplace').decode(console.encoding)
    file.write(text)


def _show_words(console: Console, board: Board, runs: Sequence[Run]) -> None:
    """Scores of word vectors; of a single run the neighbours of some words too, a line each."""
    for found in word_vectors.scores(board, runs):
        item = _table(*(' '.join(filter(None, (column.name, column.small))) for column in found.columns))
        for row in found.rows:
            first, *others = row
            small = f' {first.small}' if first.small and len(runs) == 1 else ''
            item.add_row(Text(_written(console, first.text + small)), *(Text(cell.text) for cell in others))
        console.print()
        console.print(item)
    if len(runs) == 1:
        console.print(Text('\nnearest neighbours', style='dim'))
        for line in runs[0].words['neighbours']:
            near = ', '.join(word for word, _ in line['near'])
            console.print(Text(_written(console, f'{line["word"]}: {near}')), no_wrap=True, overflow='ellipsis')
    console.print()


def _run(console: Console, board: Board) -> Table:
    """One line a length: the deciding metric under each protocol, the others under the main one, chance."""
    run, task = board.runs[0], board.task
    others = [metric for metric in task.metrics.values() if not metric.decides]
    rows, heads = [], []
    # The intervals go before a column would have to be cut, and then the other metrics.
    intervals = len(board.seeds(run)) >= statistics.MIN_SEEDS
    for spread, more in ((True, others), (False, others), (False, [])):
        spread = spread and intervals
        labels = [known.label for known in task.protocols.values()]
        labels = labels if len(labels) > 1 else [board.metric.words]
        heads = [head for label in labels for head in _pair(label, '95 % interval', spread)]
        heads = ['length', *heads, *(metric.words for metric in more), 'chance']
        rows = []
        for length in board.lengths:
            cells = [Text(f'{length:,}')]
            for protocol in task.protocols:
                cell = tables.value(board.summary(run, task.row(protocol), length))
                cells += _pair(Text(cell.text), Text(cell.small, style='dim'), spread)
            for metric in more:
                found = board.summary(run, task.row(task.main, metric), length)
                cells.append(Text(numbers.number(found.mean if found else None, metric.digits)))
            cells.append(Text(numbers.number(board.chance(run, task.row(task.main), length), board.metric.digits)))
            rows.append(cells)
        if _width(heads, rows) <= console.width:
            break
    item = _table(*heads)
    for cells in rows:
        item.add_row(*cells)
    return item


def _pair(first, second, both: bool) -> list:
    return [first, second] if both else [first]


def _study(console: Console, board: Board, protocol: str) -> Table:
    metric, label = board.task.row(protocol), board.task.protocols[protocol].label
    heads = [label if len(board.task.protocols) > 1 else 'encoding', *(f'{n:,}' for n in board.lengths), 'verdict']
    guess, rows = tables.chance_row(board, protocol, [(board.metric, n) for n in board.lengths]), []
    for spread in (True, False):
        rows = []
        for run in board.runs:
            means = [_mean(board.summary(run, metric, n), board.metric.digits, spread) for n in board.lengths]
            rows.append([_written(console, run), *means, tables.verdict(board, run, protocol).text])
        rows += [[_written(console, run), *[MISSING] * len(board.lengths), word] for run, word in board.failed.items()]
        if guess:
            rows.append([guess[0], *(numbers.number(value, board.metric.digits) for value in guess[1]), ''])
        if _width(heads, rows) <= console.width:
            break
    item = _table(*heads)
    item.columns[-1].justify = 'left'
    for row in rows:
        item.add_row(*(Text(cell) for cell in row[:-1]), Text(row[-1], style=_STYLES.get(row[-1], '')))
    return item


def _written(console: Console, name: str) -> str:
    """A name as the terminal can show it; escapes are longer than what they stand for, and make the column wider."""
    return name.encode(console.encoding, 'backslashreplace').decode(console.encoding)


def _width(heads: Sequence, rows: Sequence) -> int:
    """Characters of the longest line of a table."""
    return sum(max(map(len, column)) + 1 for column in zip(heads, *rows))


def _mean(summary, digits: int, spread: bool) -> str:
    if summary is None:
        return MISSING
    return texts.plus_minus(summary, digits).replace(' ', '') if spread else numbers.number(summary.mean, digits)


def _table(first: str, *others: str) -> Table:
    item = Table(box=None, padding=(0, 1, 0, 0), header_style='bold')
    item.add_column(first, overflow='fold')
    for name in others:
        item.add_column(name, justify='right', overflow='fold')
    return item
