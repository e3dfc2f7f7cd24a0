"""A table as CSV: one record a row, every number in full.

A column of means is several: `512 mean`, `512 low` and `512 high` (its interval), `512 seeds`, `512 chance`. What there
is nothing of is empty; nan and inf are results and stand as such. RFC 4180 with plain line feeds, UTF-8.
"""

import csv
import io
from collections import Counter

from posbench.report.numbers import MISSING
from posbench.report.tables import Cell, Column, Exact, Table


def text(table: Table) -> str:
    """The file, with a line of headings."""
    parts = [_parts([row[j] for row in table.rows]) for j in range(len(table.columns))]
    heads = _heads(table.columns)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator='\n')
    writer.writerow(f'{head} {part}'.strip() for head, own in zip(heads, parts) for part in own)
    for row in table.rows:
        values = [_values(cell, own) for cell, own in zip(row, parts)]
        writer.writerow(_written(found.get(part)) for found, own in zip(values, parts) for part in own)
    return file.getvalue()


def _parts(cells: list[Cell]) -> list[str]:
    """What a column is made of, '' for its plain value, in order of appearance."""
    parts = dict.fromkeys(part for cell in cells for part in (cell.exact if isinstance(cell.exact, dict) else ()))
    if not parts:
        parts = {'': None}
    if any(cell.small for cell in cells if not isinstance(cell.exact, dict)):
        parts['note'] = None
    return list(parts)


def _values(cell: Cell, parts: list[str]) -> dict[str, Exact]:
    """A cell by the parts of its column; a plain one in a column of means is a mean."""
    if isinstance(cell.exact, dict):
        return cell.exact
    plain = cell.exact
    if plain is None:
        plain = cell.sort if cell.sort is not None and not cell.word else cell.text
    return {parts[0]: None if plain == MISSING else plain, 'note': cell.small}


def _written(value: Exact) -> str:
    return '' if value is None else value if isinstance(value, str) else repr(value)


def _heads(columns: list[Column]) -> list[str]:
    """Names of columns, no two the same: with the group where they are in one, and what stands below where it must."""
    short = [_head(column) for column in columns]
    often = Counter(short)
    heads, seen = [], Counter()
    for column, head in zip(columns, short):
        head = f'{head} ({column.small})' if often[head] > 1 and column.small else head
        seen[head] += 1
        heads.append(head if seen[head] == 1 else f'{head} {seen[head]}')
    return heads


def _head(column: Column) -> str:
    digits = column.name.replace(',', '')
    if digits.isdigit():
        # A length, whose group only says so.
        return digits
    return f'{column.group}: {column.name}' if column.group else column.name
