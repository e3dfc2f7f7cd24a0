"""Ours beside what a paper printed: one row for each published number, with chance and the verdict on its run."""

import math
from collections.abc import Sequence

from posbench.report import tables
from posbench.report.boards import Board
from posbench.report.numbers import MISSING
from posbench.report.published import UNSEEN, Number, Published
from posbench.report.statistics import Summary, summarize
from posbench.report.tables import Cell, Column, Table

Lengths = tuple[int | None, ...]
PASS, FAIL = 'PASS', 'FAIL'
# Papers train at lengths that ours are no parts of: 2,512 of 512 is 4.9 times, and stands beside five times.
NEAR = 1.05


def table(found: Sequence[Board], paper: Published, claims: Sequence[dict]) -> Table:
    """The table of one published table.

    Lengths stand beside each other by their multiple of the training length, within 5 %, where the file has the
    paper's, and by the number itself otherwise; a number without a length stands beside a mean where the file says over
    which. A number that nothing of ours stands beside has a dash there, not none.
    """
    metrics = dict.fromkeys(cell.metric for cell in paper.cells)
    tasks = dict.fromkeys(cell.task for cell in paper.cells)
    columns = [Column('encoding'), *([Column('task')] if len(tasks) > 1 else [])]
    columns += [*([Column('metric')] if len(metrics) > 1 else []), Column('test length', 'ours')]
    columns += [Column('ours'), Column('published', 'test length, where it was read'), Column('chance')]
    rows = []
    for cell in paper.cells:
        board, lengths = _ours(found, paper, cell)
        summary, chance = (None, None) if board is None else _measured(board, cell, lengths)
        rows.append(
            [
                tables.name(cell.run),
                *([tables.name(cell.task or MISSING)] if len(tasks) > 1 else []),
                *([tables.name(cell.metric)] if len(metrics) > 1 else []),
                _length(board, lengths) if summary else Cell(MISSING),
                tables.plus_minus(summary, chance=chance),
                _published(paper, cell),
                tables.number(chance),
                _verdict(cell.run, claims),
            ]
        )
    note = f'Published: {paper.source}. {paper.note} Verdict: of the claims below that are about the run.'
    return Table(f'{paper.paper}, {paper.table}', ' '.join(note.split()), [*columns, Column('verdict')], rows)


def _ours(found: Sequence[Board], paper: Published, cell: Number) -> tuple[Board | None, Lengths]:
    """The board and our lengths that a number stands beside; (None, ()) where there are none."""
    for board in found:
        if cell.run not in board.runs or cell.task not in (None, board.task.name):
            continue
        scored = [n for n in [None, *board.lengths] if board.summary(cell.run, cell.metric, n)]
        lengths = _beside(board, paper, cell, scored)
        if lengths and set(lengths) <= set(scored):
            return board, lengths
    return None, ()


def _beside(board: Board, paper: Published, cell: Number, scored: list[int | None]) -> Lengths:
    if cell.length is None and paper.over is not None and board.train_length:
        if paper.over == UNSEEN:
            return tuple(n for n in scored if n and n > board.train_length)
        return tuple(round(multiple * board.train_length) for multiple in paper.over)
    if cell.length is None or not paper.train_length or not board.train_length:
        return (cell.length,)
    wanted = cell.length / paper.train_length
    apart = {n: abs(math.log(n / board.train_length / wanted)) for n in scored if n}
    near = min(apart, key=apart.get, default=None)
    # A length that nobody scored is in no list of those that were.
    return (near if near is not None and apart[near] <= math.log(NEAR) else -1,)


def _measured(board: Board, cell: Number, lengths: Lengths) -> tuple[Summary | None, float | None]:
    """Ours over seeds, each the mean over the lengths, and what chance has of them."""
    by_length = [{row.seed: row.value for row in board.cell(cell.run, cell.metric, n)} for n in lengths]
    seeds = [seed for seed in by_length[0] if all(seed in one for one in by_length)]
    chances = [board.chance(cell.run, cell.metric, n) for n in lengths]
    chance = None if None in chances else sum(chances) / len(chances)
    return summarize([sum(one[seed] for one in by_length) / len(by_length) for seed in seeds]), chance


def _length(board: Board, lengths: Lengths) -> Cell:
    if len(lengths) > 1:
        return Cell(f'mean of {len(lengths)}', f'{lengths[0]:,} to {lengths[-1]:,}', word=True)
    (length,) = lengths
    return tables.name('all') if length is None else Cell(f'{length:,}', board.multiple(length), length, exact=length)


def _published(paper: Published, cell: Number) -> Cell:
    """The number with its length and its place; in files of numbers each has a column of its own."""
    multiple = f', {cell.length / paper.train_length:.3g}×' if cell.length and paper.train_length else ''
    at = '' if cell.length is None else f'at {cell.length:,}{multiple}'
    exact = dict(value=cell.value, sd=cell.sd, length=cell.length, provenance=cell.provenance, page=cell.page)
    return Cell(cell.text, ', '.join(filter(None, [at, cell.said])), cell.value, exact=exact)


def _verdict(run: str, claims: Sequence[dict]) -> Cell:
    """FAIL where one of the claims about a run failed, PASS where all passed; below what they were judged by."""
    about = [claim for claim in claims if run in claim.get('runs', ())]
    if not about:
        return tables.name(MISSING)
    word = FAIL if any(claim['verdict'] == FAIL for claim in about) else PASS
    evidence = (str(claim.get('evidence', '')) for claim in about if claim['verdict'] == word)
    return Cell(word, '; '.join(dict.fromkeys(filter(None, evidence))), word=True)
