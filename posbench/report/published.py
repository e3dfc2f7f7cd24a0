"""published/*.json: the numbers of a paper's table, each with where it was read.

Those of experiments/NAME.py are experiments/published/NAME.json, or NAME_*.json where there are several tables; its
study keeps a copy in its own folder, so that a report is a function of that.

{"paper": "Press et al. 2022",
 "table": "Table 2: perplexity by test length, trained at 512",
 "source": "arXiv:2108.12409",                         an address, or where else the table stands
 "note": "perplexity of words, 16 layers",             optional: what else a reader of the numbers has to know
 "train_length": 512,                                  optional: lengths are compared by their multiples of it
 "over": "unseen",                                     optional: a number without a length is the mean over all lengths
                                                       beyond training, or over multiples of it: [0.5, 1]
 "cells": [{"run": "alibi",                            as runs of the experiment are called
            "task": "text/austen",                     optional, where runs of several tasks have one name
            "metric": "windows/perplexity",            as rows name it, protocol and all
            "length": 3072,                            the paper's; null where the table has none
            "value": 17.6, "sd": null,                 null where none was printed
            "provenance": "read at the source",        or "read off a figure", "second-hand", "from memory"
            "page": 6}, ...]}                          a page, section or line of the source, or null

A number from memory is never printed without these words: they are part of its `text`.
"""

import dataclasses
import json
import math
from pathlib import Path

from posbench.files import write_atomically
from posbench.knobs.kinds import nearest, show
from posbench.report.numbers import MISSING
from posbench.report.rows import ReportError

FOLDER = 'published'
SOURCE, FIGURE, SECOND_HAND, MEMORY = PROVENANCES = (
    'read at the source', 'read off a figure', 'second-hand', 'from memory'
)  # fmt: skip
UNSEEN = 'unseen'


@dataclasses.dataclass(frozen=True, slots=True)
class Number:
    """A cell of a published table; `value` and `sd` in the unit of the metric: a share where a paper prints percent."""

    run: str
    metric: str
    length: int | None
    value: float | None
    sd: float | None
    provenance: str
    page: int | str | None
    task: str | None = None

    @property
    def text(self) -> str:
        """The number as a table prints it, with its standard deviation where the paper has one; says if from memory."""
        if self.value is None:
            return MISSING
        # Its own digits: another number of decimals would be a precision that nobody printed.
        spread = '' if self.sd is None else f' (SD {self.sd:,})'
        return f'{self.value:,}{spread}{f" ({MEMORY})" if self.provenance == MEMORY else ""}'

    @property
    def said(self) -> str:
        """Where the number was read, what its `text` says left out: 'page 6', 'second-hand, appendix B'."""
        where = '' if self.page is None else f'page {self.page}' if isinstance(self.page, int) else self.page
        told = self.provenance == MEMORY or (self.provenance == SOURCE and where)
        return ', '.join(filter(None, ['' if told else self.provenance, where]))


@dataclasses.dataclass(frozen=True)
class Published:
    """One table of one paper."""

    path: Path
    paper: str
    table: str
    source: str
    cells: tuple[Number, ...]
    note: str = ''
    train_length: int | None = None
    # UNSEEN, or multiples of the training length.
    over: str | tuple[float, ...] | None = None

    def find(self, run: str, metric: str, length: int | None) -> Number | None:
        """The number of a cell, None where the paper has none."""
        wanted = (run, metric, length)
        return next((cell for cell in self.cells if (cell.run, cell.metric, cell.length) == wanted), None)


_CELL = [field.name for field in dataclasses.fields(Number) if field.name != 'task']


def of_experiment(experiment: Path) -> list[Path]:
    """The files with published numbers for an experiment."""
    home = experiment.parent / FOLDER
    return sorted({*home.glob(f'{experiment.stem}.json'), *home.glob(f'{experiment.stem}_*.json')})


def keep(experiment: Path, study: Path) -> None:
    """Copies these into the folder of a study, each checked first (ReportError), and takes away others of before."""
    files = of_experiment(experiment)
    for path in files:
        load(path)
    home = study / FOLDER
    if files:
        home.mkdir(exist_ok=True)
    for path in home.glob('*.json'):
        if path.name not in {one.name for one in files}:
            path.unlink()
    for path in files:
        write_atomically(home / path.name, path.read_bytes())


def of_study(study: Path) -> list[Published]:
    """The tables that a study keeps; ReportError for one that is damaged."""
    return [load(path) for path in sorted((study / FOLDER).glob('*.json'))]


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
        _keys('it', item, ['paper', 'table', 'source', 'cells'], optional=['note', 'train_length', 'over'])
        texts = {name: _text(name, item[name]) for name in ('paper', 'table', 'source')}
        note = _text('note', item['note']) if 'note' in item else ''
        train_length = _length('train_length', item.get('train_length'))
        over = _over(item.get('over'))
        if not isinstance(item['cells'], list) or not item['cells']:
            raise ValueError(f'cells: got {show(item["cells"])}, wanted a list of at least one cell.')
        cells: dict[tuple, Number] = {}
        for place, found in enumerate(item['cells'], start=1):
            cell = _number(f'cell {place}', found)
            key = (cell.run, cell.task, cell.metric, cell.length)
            if key in cells:
                raise ValueError(f'cell {place}: a second one for {cell.run}, {cell.metric}, length {cell.length}.')
            cells[key] = cell
    except ValueError as error:
        raise ReportError(f'{path}: {error}') from None
    return Published(path, cells=tuple(cells.values()), note=note, train_length=train_length, over=over, **texts)


def _number(where: str, item) -> Number:
    _keys(where, item, _CELL, optional=['task'])
    for name in ('run', 'metric', *(['task'] if item.get('task') is not None else [])):
        _text(f'{where}: {name}', item[name])
    _length(f'{where}: length', item['length'])
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


def _length(where: str, item) -> int | None:
    if item is not None and (not _is(int, item) or item < 1):
        raise ValueError(f'{where}: got {show(item)}, wanted a whole number from 1 on, or null.')
    return item


def _over(item) -> str | tuple[float, ...] | None:
    if item in (None, UNSEEN):
        return item
    if not isinstance(item, list) or not item or not all(_is(int | float, one) and one > 0 for one in item):
        raise ValueError(f'over: got {show(item)}, wanted {UNSEEN!r}, or a list of multiples of the training length.')
    return tuple(item)


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
