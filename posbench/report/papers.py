"""Ours beside what a paper printed: one row for each published number, with chance and the verdict on its run."""

import math
from collections.abc import Sequence

from posbench.report import tables
from posbench.report.boards import Board
from posbench.report.numbers import MISSING
from posbench.report.published import Number, Published
from posbench.report.tables import Cell, Column, Table

PASS, FAIL = 'PASS', 'FAIL'
# Papers train at lengths that ours are no parts of: 2,512 of 512 is 4.9 times, and stands beside five times.
NEAR = 1.05


def table(found: Sequence[Board], paper: Published, claims: Sequence[dict]) -> Table:
    """The table of one published table.

    Lengths stand beside each other by their multiple of the training length, within 5 %, where the file has the
    paper's, and by the number itself otherwise. A number that nothing of ours stands beside has a dash there, not none.
    """
    metrics = dict.fromkeys(cell.metric for cell in paper.cells)
    tasks = dict.fromkeys(cell.task for cell in paper.cells)
    columns = [Column('encoding'), *([Column('task')] if len(tasks) > 1 else [])]
    columns += [*([Column('metric')] if len(metrics) > 1 else []), Column('test length', 'ours')]
    columns += [Column('ours'), Column('published', 'test length, where it was read'), Column('chance')]
    rows = []
    for cell in paper.cells:
        board, length = _ours(found, paper, cell)
        summary = board and board.summary(cell.run, cell.metric, length)
        chance = board and board.chance(cell.run, cell.metric, length)
        rows.append(
            [
                tables.name(cell.run),
                *([tables.name(cell.task or MISSING)] if len(tasks) > 1 else []),
                *([tables.name(cell.metric)] if len(metrics) > 1 else []),
                _length(board, length) if summary else Cell(MISSING),
                tables.plus_minus(summary, chance=chance),
                _published(paper, cell),
                tables.number(chance),
                _verdict(cell.run, claims),
            ]
        )
    note = f'Published: {paper.source}. {paper.note} Verdict: of the claims below that are about the run.'
    return Table(f'{paper.paper}, {paper.table}', ' '.join(note.split()), [*columns, Column('verdict')], rows)


def _ours(found: Sequence[Board], paper: Published, cell: Number) -> tuple[Board | None, int | None]:
    """The board and our length that a number stands beside; (None, None) where there is none."""
    for board in found:
        if cell.run not in board.runs or cell.task not in (None, board.task.name):
            continue
        scored = [n for n in [None, *board.lengths] if board.summary(cell.run, cell.metric, n)]
        length = _beside(board, paper, cell, scored)
        if length in scored:
            return board, length
    return None, None


def _beside(board: Board, paper: Published, cell: Number, scored: list[int | None]) -> int | None:
    if cell.length is None or not paper.train_length or not board.train_length:
        return cell.length
    wanted = cell.length / paper.train_length
    apart = {n: abs(math.log(n / board.train_length / wanted)) for n in scored if n}
    near = min(apart, key=apart.get, default=None)
    # A length that nobody scored is in no list of those that were.
    return near if near is not None and apart[near] <= math.log(NEAR) else -1


def _length(board: Board, length: int | None) -> Cell:
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
