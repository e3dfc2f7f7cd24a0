"""A table as LaTeX: a tabular with the rules of booktabs, to be \\input where a paper wants it."""

import re

from posbench.report.tables import Cell, Column, Table

_ESCAPED = {
    '\\': r'\textbackslash{}', '~': r'\textasciitilde{}', '^': r'\textasciicircum{}', '`': r'\textasciigrave{}',
    '<': r'\textless{}', '>': r'\textgreater{}', '|': r'\textbar{}', '"': r'\textquotedbl{}',
    # After \\ of the row above they would be its option.
    '[': '{[}', ']': '{]}', '*': '{*}',
    **{char: f'\\{char}' for char in '&%$#_{}'},
    '±': r'$\pm$', '×': r'$\times$', '÷': r'$\div$', '−': '$-$', '≤': r'$\le$', '≥': r'$\ge$', '·': r'$\cdot$',
    '→': r'$\to$', '√': r'$\surd$', '…': r'\ldots{}', '—': '---', '–': '--', '\u00a0': '~',
}  # fmt: skip
_SPECIAL = re.compile('|'.join(map(re.escape, _ESCAPED)))


def escape(text: str) -> str:
    """Text that LaTeX sets as it is: one line, no commands. Letters beyond ASCII stay; they need UTF-8 and a font."""
    text = ''.join(char for char in text if char.isprintable() or char.isspace())
    # Not split(): a space that does not break is one that stays.
    return _SPECIAL.sub(lambda found: _ESCAPED[found.group()], re.sub(r'[^\S\u00a0]+', ' ', text).strip(' '))


def text(table: Table) -> str:
    """The file. Second lines of cells and headings follow in the same cell; the title and the note are comments."""
    words = [all(row[j].word for row in table.rows) for j in range(len(table.columns))]
    lines = [
        r'% \usepackage{booktabs}',
        *(f'% {" ".join(line.split())}' for line in (table.title, table.note) if line),
        rf'\begin{{tabular}}{{{"".join("l" if word else "r" for word in words)}}}',
        r'\toprule',
        *_groups(table),
        _line([_heading(column) for column in table.columns]),
        r'\midrule',
        *(_line([_cell(cell) for cell in row]) for row in table.rows),
        r'\bottomrule',
        r'\end{tabular}',
    ]
    return '\n'.join(lines) + '\n'


def _groups(table: Table) -> list[str]:
    """The headings over neighbouring columns, with a rule under each."""
    if not table.groups:
        return []
    heads, rules, start = [], [], 1
    for name, span in table.groups:
        heads.append(rf'\multicolumn{{{span}}}{{c}}{{{escape(name)}}}' if name else ' '.join(['&'] * (span - 1)))
        if name:
            rules.append(rf'\cmidrule(lr){{{start}-{start + span - 1}}}')
        start += span
    return [_line(heads), ' '.join(rules)]


def _heading(column: Column) -> str:
    small = f' ({column.small})' if column.small else ''
    return escape(f'{column.name}{small}')


def _cell(cell: Cell) -> str:
    small = f' {cell.small}' if cell.small.startswith('[') else f' ({cell.small})' if cell.small else ''
    return escape(cell.text + small)


def _line(cells: list[str]) -> str:
    return ' & '.join(cells) + r' \\'
