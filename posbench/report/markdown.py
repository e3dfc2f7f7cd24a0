"""Tables in GitHub's markdown, with every string escaped."""

import html
import re

from posbench.report.tables import Cell, Column, Table


def escape(text: str) -> str:
    """Text that GitHub shows as it is: no markup, no cell borders, one line."""
    text = html.escape(' '.join(str(text).split()), quote=False)
    text = re.sub(r'([\\`*\[\]|~])', r'\\\1', text)
    return re.sub(r'(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])', r'\\_', text)


def table(item: Table) -> str:
    """A pipe table; second lines of cells and headings follow in the same cell."""
    heads = [_heading(column) for column in item.columns]
    words = [all(row[j].word for row in item.rows) for j in range(len(heads))]
    lines = [
        _line(heads),
        _line(['---' if word else '---:' for word in words]),
        *(_line([_cell(cell) for cell in row]) for row in item.rows),
    ]
    return '\n'.join(lines)


def verbatim(text: str) -> str:
    """A block of code with the lines of a text, fenced by more backticks than it has."""
    runs = re.findall('`+', text)
    fence = '`' * max(3, 1 + max(map(len, runs), default=0))
    return f'{fence}text\n{text}\n{fence}'


def _line(cells: list[str]) -> str:
    return f'| {" | ".join(cells)} |'


def _heading(column: Column) -> str:
    group = f'{column.group}: ' if column.group and not column.name.replace(',', '').isdigit() else ''
    small = f' ({column.small})' if column.small else ''
    return escape(f'{group}{column.name}{small}')


def _cell(cell: Cell) -> str:
    small = f' {cell.small}' if cell.small.startswith('[') else f' ({cell.small})' if cell.small else ''
    return escape(cell.text + small)


def attribute(text: str) -> str:
    """Text inside the double quotes of an HTML attribute."""
    return html.escape(' '.join(text.split()))
