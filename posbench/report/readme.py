"""The block of a README that a report writes, between two markers."""

import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path

from posbench.files import write_atomically
from posbench.report import markdown, page, provenance, statistics, tables, texts
from posbench.report.boards import Board
from posbench.report.folder import Study
from posbench.report.numbers import MISSING
from posbench.report.rows import ReportError
from posbench.report.tables import Cell, Column, Table

BEGIN, END = '<!-- report:begin -->', '<!-- report:end -->'


def split(path: Path) -> tuple[str, str]:
    """The text up to and with the first marker, and the text from the last on; ReportError if there is no such pair."""
    try:
        text = path.read_text(encoding='utf-8')
    except OSError as error:
        raise ReportError(f'{path}: cannot be read ({error.strerror}); wanted a file with {BEGIN} and {END}.') from None
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ReportError(
            f'{path}: wanted one {BEGIN} and after it one {END}, got {text.count(BEGIN)} and {text.count(END)}'
            f'{"" if text.count(BEGIN) != 1 or text.count(END) != 1 else " in the other order"}.'
        )
    before, rest = text.split(BEGIN)
    return before + BEGIN, END + rest.split(END)[1]


def replace(path: Path, block: str) -> None:
    """Puts `block` between the markers; the file is replaced in one step, or left as it was."""
    before, after = split(path)
    write_atomically(path, f'{before}\n{block.strip()}\n{after}')


def block(study: Study, found: Sequence[Board], curves: Mapping[str, Path], readme: Path) -> str:
    """Compact tables, one line of context, and the length curves of each board, by its heading, that a link reaches."""
    parts = []
    for board in found:
        if not board.lengths:
            continue
        if len(found) > 1:
            parts.append(f'**{markdown.escape(page.heading(board))}**')
        if page.heading(board) in curves:
            parts.append(_image(curves[page.heading(board)], readme, board))
        for protocol in board.task.protocols:
            parts += [f'{markdown.escape(tables.title(board, protocol))}:', markdown.table(compact(board, protocol))]
        parts.append(markdown.escape(context(study, board)))
    if study.claims:
        parts.append(page.claims(study.claims))
    if study.failed:
        parts += ['Runs without results:', page.failed(texts.without_results(study.failed))]
    return '\n\n'.join(part for part in parts if part)


def left_out(study: Study, curves: Mapping[str, Path], readme: Path) -> list[str]:
    """What a reader of the README will not find in it, and why; one line each."""
    home = readme.resolve().parent
    lines = [
        f'{path}: left out of {readme}, which can only show pictures that lie beside or below it.'
        for path in curves.values()
        if not path.resolve().is_relative_to(home)
    ]
    others = sorted(path.parent for path in study.folder.rglob('claims.json') if path.parent != study.folder)
    return lines + [f'{path}: its claims are left out of {readme}; --report={path} has them.' for path in others]


def compact(board: Board, protocol: str) -> Table:
    """Runs by lengths: mean ± half interval and the verdict."""
    metric = board.task.row(protocol)
    columns = [Column('encoding'), *(Column(f'{n:,}', board.multiple(n)) for n in board.lengths), Column('verdict')]
    guess, rows = tables.chance_row(board, protocol, [(board.metric, n) for n in board.lengths]), []
    for run in board.runs:
        cells = [tables.plus_minus(board.summary(run, metric, n)) for n in board.lengths]
        found = board.verdict(run, protocol)
        noise = f'noise allows: {" or ".join(found.allows)}' if found and found.allows else ''
        rows.append([tables.name(run), *cells, Cell(found.word if found else MISSING, noise, word=True)])
    for run, word in board.failed.items():
        rows.append([tables.name(run), *[Cell(MISSING)] * len(board.lengths), tables.name(word)])
    if guess:
        rows.append([tables.name(guess[0]), *(tables.number(value) for value in guess[1]), Cell('', word=True)])
    return Table('', '', columns, rows)


def context(study: Study, board: Board) -> str:
    """Data, training length, model size, seeds and reference models in one line."""
    sizes = sorted({size for run in board.runs for size in board.facts(run, 'params')})
    seeds = sorted({len(board.seeds(run)) for run in board.runs})
    found = [f'{board.task.name} ({board.split or "unknown split"} split)']
    if board.train_length is not None:
        found.append(texts.trained(board))
    if sizes:
        ends = ' to '.join(f'{size / 1e6:.2f}' for size in dict.fromkeys((sizes[0], sizes[-1])))
        found.append(f'{" to ".join(dict.fromkeys(ends.split(" to ")))} M parameters')
    shape = _shape(study)
    if shape:
        found.append(shape)
    each = ' to '.join(str(n) for n in dict.fromkeys((seeds[0], seeds[-1])))
    found.append(f'{each} seed{"" if each == "1" else "s"}')
    if seeds[-1] >= statistics.MIN_SEEDS:
        found.append('mean ± half of a 95 % bootstrap interval')
    reference, guess = texts.baselines(board), texts.chance(board)
    beside = [f' Chance: {guess}.'] if guess and not board.guess else []
    return '; '.join(found) + '.' + ''.join([*beside, f' Reference models: {reference}.' if reference else ''])


def _shape(study: Study) -> str:
    common = dict(provenance.shared(study.runs, provenance.settings)[0])
    names = {'model.layers': 'layers', 'model.width': 'channels', 'train.steps': 'steps'}
    return ', '.join(f'{common[knob]} {noun}' for knob, noun in names.items() if knob in common)


def _image(picture: Path, readme: Path, board: Board) -> str:
    home, target = readme.resolve().parent, picture.resolve()
    if not target.is_relative_to(home):
        return ''
    link = urllib.parse.quote(target.relative_to(home).as_posix())
    alt = markdown.attribute(f'{texts.upper(board.metric.phrase)} by test length: {page.heading(board)}')
    return f'<img src="{link}" width="680" alt="{alt}">'
