"""Every table of a report as files beside it: tables/<name>.csv, .tex and .md."""

import dataclasses
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from posbench.files import write_atomically
from posbench.report import latex, markdown, records
from posbench.report.tables import Table

FOLDER = 'tables'


def named(tables: Sequence[Table], taken: set[str]) -> list[Table]:
    """The tables with names for their files, after their titles; `taken` grows by these."""
    found = []
    for table in tables:
        stem = _slug(table.title)
        number = next(n for n in range(1, 10**6) if _numbered(stem, n) not in taken)
        taken.add(_numbered(stem, number))
        found.append(dataclasses.replace(table, file=_numbered(stem, number)))
    return found


def write(folder: Path, tables: Sequence[Table]) -> list[Path]:
    """Writes the files of all tables, and takes away those of tables that the report no longer has.

    The folder is the report's: of three files of one name, .csv, .tex and .md, it takes itself for the author.
    """
    home = folder / FOLDER
    home.mkdir(exist_ok=True)
    written = []
    for table in tables:
        for suffix, text in (('csv', records.text(table)), ('tex', latex.text(table)), ('md', _markdown(table))):
            written.append(home / f'{table.file}.{suffix}')
            # Bytes of a name that are no text stand in it as escapes.
            write_atomically(written[-1], text.encode('utf-8', 'backslashreplace'))
    for path in home.glob('*.csv'):
        three = [path, path.with_suffix('.tex'), path.with_suffix('.md')]
        if path not in written and all(one.is_file() for one in three):
            for one in three:
                one.unlink()
    return written


def links(table: Table) -> list[tuple[str, str]]:
    """(name, address from the report) of the files of a table; none of a table without."""
    kinds = (('CSV', 'csv'), ('LaTeX', 'tex'), ('Markdown', 'md'))
    return [(name, f'{FOLDER}/{table.file}.{suffix}') for name, suffix in kinds] if table.file else []


def _markdown(table: Table) -> str:
    parts = [f'### {markdown.escape(table.title)}', markdown.table(table), markdown.escape(table.note)]
    return '\n\n'.join(part for part in parts if part) + '\n'


def _slug(title: str) -> str:
    """Lower-case letters, digits and dashes, of which an address and any file system make no other name."""
    plain = unicodedata.normalize('NFKD', title).encode('ascii', 'ignore').decode('ascii').lower()
    return re.sub('[^a-z0-9]+', '-', plain).strip('-')[:80].strip('-') or 'table'


def _numbered(stem: str, number: int) -> str:
    return stem if number == 1 else f'{stem}-{number}'
