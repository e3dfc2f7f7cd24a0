"""The table in the terminal: colours where there is a terminal, plain text in a pipe, never wider than the line."""

import sys
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from posbench.report import tables, texts
from posbench.report.boards import PROTOCOLS, Board
from posbench.report.folder import Study

_STYLES = {'holds': 'green', 'degrades': 'yellow', 'falls apart': 'red', 'diverged': 'red'}
_PLAIN = str.maketrans({'±': '~', '—': '-', '×': 'x', '…': '.', '–': '-', '·': '.'})


def show(study: Study, found: Sequence[Board], written: Sequence[str], *, file: TextIO | None = None) -> None:
    """Prints headline, length tables, claims and failed runs."""
    file = file or sys.stdout
    console = Console(file=file, highlight=False, soft_wrap=False)
    with console.capture() as capture:
        for board in found:
            lead, rest = texts.headline(board, single=study.single)
            console.print(Text(lead, style='bold'))
            console.print(Text(rest))
            if board.lengths:
                console.print(Text('\nbits per character by test length', style='dim'))
                for item in [_run(board)] if study.single else [_study(console, board, p) for p in PROTOCOLS]:
                    console.print(item)
                    console.print()
        for claim in study.claims:
            passed = claim['verdict'] == 'PASS'
            console.print(Text.assemble((claim['verdict'], 'green' if passed else 'red'), f'  {claim["claim"]}'))
        for item in study.failed:
            console.print(Text.assemble(('no results', 'red'), f'  {item["run"]}: {item["reason"]}'))
        console.print(Text('  '.join(written), style='dim'))
    text = capture.get()
    try:
        text.encode(console.encoding)
    except UnicodeEncodeError:
        text = text.translate(_PLAIN).encode(console.encoding, 'replace').decode(console.encoding)
    file.write(text)


def _run(board: Board) -> Table:
    run = board.runs[0]
    item = _table('length', 'windows', '95 % interval', 'last tokens', '95 % interval', 'perplexity', 'chance')
    for length in board.lengths:
        cells = [Text(f'{length:,}')]
        for protocol in PROTOCOLS:
            cell = tables.value(board.summary(run, f'{protocol}/bits_per_character', length))
            cells += [Text(cell.text), Text(cell.small, style='dim')]
        perplexity = board.summary(run, 'windows/perplexity', length)
        cells.append(Text(texts.number(perplexity.mean if perplexity else None, 1)))
        cells.append(Text(texts.number(board.chance(run, 'windows/bits_per_character', length), 2)))
        item.add_row(*cells)
    return item


def _study(console: Console, board: Board, protocol: str) -> Table:
    metric = f'{protocol}/bits_per_character'
    rows = []
    for digits, spread in ((2, True), (2, False)):
        rows = [
            [run, *(_mean(board.summary(run, metric, n), digits, spread) for n in board.lengths)] for run in board.runs
        ]
        rows = [[*row, tables.verdict(board, row[0], protocol).text] for row in rows]
        widths = [max(len(row[j]) for row in rows) + 1 for j in range(len(rows[0]))]
        # The intervals go before a column would have to be cut.
        if sum(widths) <= console.width:
            break
    item = _table(PROTOCOLS[protocol], *(f'{n:,}' for n in board.lengths), 'verdict')
    item.columns[-1].justify = 'left'
    for row in rows:
        item.add_row(*(Text(cell) for cell in row[:-1]), Text(row[-1], style=_STYLES.get(row[-1], '')))
    return item


def _mean(summary, digits: int, spread: bool) -> str:
    if summary is None:
        return texts.MISSING
    return texts.plus_minus(summary, digits).replace(' ', '') if spread else texts.number(summary.mean, digits)


def _table(first: str, *others: str) -> Table:
    item = Table(box=None, padding=(0, 1, 0, 0), header_style='bold')
    item.add_column(first, overflow='fold')
    for name in others:
        item.add_column(name, justify='right', overflow='fold')
    return item
