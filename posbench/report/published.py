"""published/*.json: the numbers of a paper's table, each with where it was read.

{"paper": "Press et al. 2022",
 "table": "Table 2: perplexity by test length, trained at 512",
 "source": "arXiv:2108.12409",                         an address, or where else the table stands
 "note": "perplexity of words, 16 layers",             optional: what else a reader of the numbers has to know
 "cells": [{"run": "alibi",                            as runs of the experiment are called
            "metric": "windows/perplexity",            as rows name it, protocol and all
            "length": 3072,                            null where the table has none
            "value": 17.6, "sd": null,                 null where none was printed
            "provenance": "read at the source",        or "second-hand", or "from memory"
            "page": 6}, ...]}                          a page, section or line of the source, or null

A number that is not from the source is never printed without saying so: `said` has the words.
"""

import dataclasses
import json
import math
from pathlib import Path

from posbench.knobs.kinds import nearest, show
from posbench.report.numbers import MISSING
from posbench.report.rows import ReportError

SOURCE, SECOND_HAND, MEMORY = PROVENANCES = ('read at the source', 'second-hand', 'from memory')


@dataclasses.dataclass(frozen=True, slots=True)
class Number:
    """A cell of a published table; `value` and `sd` in the unit of the metric, as the paper printed them."""

    run: str
    metric: str
    length: int | None
    value: float | None
    sd: float | None
    provenance: str
    page: int | str | None

    @property
    def text(self) -> str:
        """The number as a table prints it, with its standard deviation where the paper has one."""
        if self.value is None:
            return MISSING
        # Its own digits: another number of decimals would be a precision that nobody printed.
        return f'{self.value:,}' + ('' if self.sd is None else f' (SD {self.sd:,})')

    @property
    def said(self) -> str:
        """Where the number was read: 'page 6', 'second-hand, page 6', 'from memory'."""
        where = '' if self.page is None else f'page {self.page}' if isinstance(self.page, int) else self.page
        return ', '.join(filter(None, ['' if self.provenance == SOURCE and where else self.provenance, where]))


@dataclasses.dataclass(frozen=True)
class Published:
    """One table of one paper."""

    path: Path
    paper: str
    table: str
    source: str
    cells: tuple[Number, ...]
    note: str = ''

    def find(self, run: str, metric: str, length: int | None) -> Number | None:
        """The number of a cell, None where the paper has none."""
        wanted = (run, metric, length)
        return next((cell for cell in self.cells if (cell.run, cell.metric, cell.length) == wanted), None)


_CELL = [field.name for field in dataclasses.fields(Number)]


def load(path: str | Path) -> Published:
    """Reads and checks a file of published numbers; raises ReportError, one line, with the file and the cell."""
    path = Path(path)
    try:
        item = json.loads(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise ReportError(f'{path}: cannot be read ({error.strerror or error}).') from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ReportError(f'{path}: damaged, not JSON ({error}).') from None
    try:
        _keys('it', item, ['paper', 'table', 'source', 'cells'], optional=['note'])
        texts = {name: _text(name, item[name]) for name in ('paper', 'table', 'source')}
        note = _text('note', item['note']) if 'note' in item else ''
        if not isinstance(item['cells'], list) or not item['cells']:
            raise ValueError(f'cells: got {show(item["cells"])}, wanted a list of at least one cell.')
        cells: dict[tuple, Number] = {}
        for place, found in enumerate(item['cells'], start=1):
            cell = _number(f'cell {place}', found)
            if (cell.run, cell.metric, cell.length) in cells:
                raise ValueError(f'cell {place}: a second one for {cell.run}, {cell.metric}, length {cell.length}.')
            cells[cell.run, cell.metric, cell.length] = cell
    except ValueError as error:
        raise ReportError(f'{path}: {error}') from None
    return Published(path, cells=tuple(cells.values()), note=note, **texts)


def _number(where: str, item) -> Number:
    _keys(where, item, _CELL)
    for name in ('run', 'metric'):
        _text(f'{where}: {name}', item[name])
    if item['length'] is not None and (not _is(int, item['length']) or item['length'] < 1):
        raise ValueError(f'{where}: length: got {show(item["length"])}, wanted a whole number from 1 on, or null.')
    for name in ('value', 'sd'):
        value = item[name]
        if value is not None and not (_is(int | float, value) and math.isfinite(value)):
            raise ValueError(f'{where}: {name}: got {show(value)}, wanted a number as the paper printed it, or null.')
    if item['sd'] is not None and item['sd'] < 0:
        raise ValueError(f'{where}: sd: got {item["sd"]}, wanted a standard deviation, from 0 on.')
    if item['provenance'] not in PROVENANCES:
        near = nearest(str(item['provenance']), PROVENANCES, cutoff=0.3)
        raise ValueError(f'{where}: provenance: got {show(item["provenance"])}, wanted {", ".join(PROVENANCES)}'
                         f'{f"; did you mean {near!r}?" if near else "."}')  # fmt: skip
    if item['page'] is not None and not _is(int | str, item['page']):
        raise ValueError(f'{where}: page: got {show(item["page"])}, wanted a number, a text or null.')
    return Number(**item)


def _is(kind, value) -> bool:
    """bool is an int to Python."""
    return isinstance(value, kind) and not isinstance(value, bool)


def _keys(where: str, item, wanted: list[str], optional: list[str] | None = None) -> None:
    if not isinstance(item, dict):
        raise ValueError(f'{where}: got {show(item)}, wanted an object with {", ".join(wanted)}.')
    missing = [key for key in wanted if key not in item]
    unknown = [key for key in item if key not in [*wanted, *(optional or [])]]
    if missing or unknown:
        parts = [f'{what} {", ".join(keys)}' for what, keys in (('missing', missing), ('unknown', unknown)) if keys]
        raise ValueError(f'{where}: {"; ".join(parts)}; wanted {", ".join([*wanted, *(optional or [])])}.')


def _text(where: str, item) -> str:
    if not isinstance(item, str) or not item.strip():
        raise ValueError(f'{where}: got {show(item)}, wanted a text.')
    return item
