"""Results as rows: one JSON object per line of rows.jsonl, every key present, unknown values null."""

import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path

BASELINE = 'baseline:'  # Rows of a run with this prefix are reference models that no one trained here.


class ReportError(ValueError):
    """The files of a run say something that a report cannot be made of; one line, with the file and the line."""


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One result. `value` is `metric` on `length` tokens of `split`; None is unknown, NaN is a result."""

    experiment: str | None
    run: str
    encoding: str | None
    options: dict | None
    task: str | None
    seed: int | None
    split: str | None
    length: int | None
    metric: str
    value: float | None
    chance: float | None
    examples: int | None
    step: int | None
    train_length: int | None
    params: int | None
    encoding_params: int | None
    wall_seconds: float | None
    device: str | None
    git_sha: str | None
    config_hash: str | None
    version: str | None

    @property
    def is_baseline(self) -> bool:
        return self.run.startswith(BASELINE)


_FIELDS = {field.name: field.type for field in dataclasses.fields(Row)}


def numbered_objects(path: Path, *, torn_end: bool = False) -> Iterator[tuple[int, dict]]:
    """Yields (line number, object) of a JSON-lines file; blank lines do not count.

    With `torn_end`, a damaged last line without its newline is left out: it is still being written.
    Raises ReportError with the file and the line number of anything else that is not a JSON object.
    """
    try:
        lines = path.read_text(encoding='utf-8').split('\n')
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f'{path}: cannot be read ({error}).') from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except json.JSONDecodeError as error:
            if torn_end and number == len(lines):
                return
            raise ReportError(f'{path}, line {number}: damaged, not a JSON object ({error}).') from None
        if not isinstance(item, dict):
            raise ReportError(f'{path}, line {number}: wanted a JSON object, got {line.strip()[:60]!r}.')
        yield number, item


def read(path: Path) -> list[Row]:
    """Reads and checks rows.jsonl; raises ReportError with file and line for a row that is not in the schema.

    Of rows about the same cell the one of the latest step counts; two values for one cell at one step are an error.
    """
    cells: dict[tuple, Row] = {}
    for number, item in numbered_objects(path):
        try:
            row = _checked(item)
        except ValueError as error:
            raise ReportError(f'{path}, line {number}: {error}') from None
        cell = (row.run, row.task, row.split, row.train_length, row.seed, row.metric, row.length)
        known = cells.get(cell)
        if known is not None and known.step == row.step and not _same(known.value, row.value):
            raise ReportError(
                f'{path}, line {number}: a second value for {row.run}, {row.metric}, length {row.length}, '
                f'seed {row.seed}: {row.value} after {known.value}.'
            )
        if known is None or (row.step or 0) >= (known.step or 0):
            cells[cell] = row
    return list(cells.values())


def _checked(item: dict) -> Row:
    missing = [name for name in _FIELDS if name not in item]
    unknown = [name for name in item if name not in _FIELDS]
    if missing or unknown:
        parts = [f'{what} {", ".join(names)}' for what, names in (('missing', missing), ('unknown', unknown)) if names]
        raise ValueError(f'keys of a row: {"; ".join(parts)}.')
    for name, kind in _FIELDS.items():
        value = item[name]
        # bool is an int to Python, and an int is a fine float; neither may decide what a row means.
        fits = not isinstance(value, bool) and (
            isinstance(value, kind) or (kind == float | None and isinstance(value, int))
        )
        if not fits:
            raise ValueError(f'{name} is {value!r}, wanted {getattr(kind, "__name__", kind)}.')
    return Row(**item)


def _same(a: float | None, b: float | None) -> bool:
    return a == b or (a is not None and b is not None and math.isnan(a) and math.isnan(b))
