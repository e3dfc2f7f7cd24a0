"""leaderboard.md: the tables and figures of the page, as GitHub shows them."""

import dataclasses
import urllib.parse
from pathlib import Path

from posbench.report import markdown
from posbench.report.leaderboard.page import FOLDER, Page
from posbench.report.tables import Cell, Column, Table


def text(item: Page) -> str:
    """The whole file; every cell stands in the CSV beside it."""
    parts = [f'# Leaderboard: {markdown.escape(item.title)}', f'**{markdown.escape(item.headline)}**']
    parts += [f'**CHANGED** {markdown.escape(line)}' for line in item.changed]
    parts += _table(item.board) + [markdown.escape(line) for line in item.left_out]
    parts += _table(item.by_task)
    parts += ['## By length', markdown.escape(item.curves_note), _image('curves', 'Length curves of every task')]
    if item.critical:
        parts += ['## What can be told apart', _image('critical-difference', item.critical.alt), *_table(item.ranks)]
    if item.profile:
        parts += ['## Performance profile', item.profile_note, _image('profile', item.profile.alt)]
    if item.costs:
        parts += ['## Cost against quality', markdown.escape(item.costs_note)]
        parts.append(_image('cost', ' '.join(one.alt for one in item.costs)))
    for paper in item.papers:
        parts += _table(paper)
    parts += ['## Studies', markdown.table(_studies(item))]
    if item.failures.rows:
        parts += ['## Runs without results', markdown.table(item.failures)]
    parts += ['## How to read this', *(markdown.escape(note) for note in item.notes), '## Provenance']
    for title, facts, _ in item.provenance:
        parts += [f'### {markdown.escape(title)}'] * (len(item.provenance) > 1)
        rows = [[Cell(name, word=True), Cell(words, word=True)] for name, words in facts]
        parts.append(markdown.table(Table('', '', [Column('name'), Column('value')], rows)))
    files = ', '.join(f'[{one.file}]({FOLDER}/tables/{one.file}.csv)' for one in item.tables)
    parts += ['## Tables', f'As CSV, with Markdown and LaTeX beside each: {files}.']
    return '\n\n'.join(part for part in parts if part) + '\n'


def _table(item: Table) -> list[str]:
    return [f'## {markdown.escape(item.title)}', markdown.escape(item.note), markdown.table(item)]


def _image(name: str, alt: str) -> str:
    return f'![{markdown.escape(alt)}]({FOLDER}/{name}.svg)'


def _studies(item: Page) -> Table:
    heads = ['study', 'question', 'runs', 'without results', 'PASS', 'FAIL', 'goes on with']
    rows = []
    for one in item.rows_of_studies:
        amounts = [f'{one[key]}' for key in ('runs', 'failed', 'passed', 'fails')]
        said = [one['title'], one['question'], *amounts, one['going_on']]
        rows.append([Cell(words, word=not words.isdigit()) for words in said])
    return Table('Studies', '', [Column(head) for head in heads], rows)


def block(item: Page, readme: Path) -> str:
    """What a README shows of it: the first table in short, and the way to the page."""
    wanted = ('name', 'rank', 'group', 'score', 'at', 'fail')
    kept = [j for j, key in enumerate(item.keys) if key in wanted]
    short = dataclasses.replace(
        item.board,
        columns=[dataclasses.replace(item.board.columns[j], small='') for j in kept],
        rows=[[dataclasses.replace(row[j], small=row[j].small if j and j in kept[3:-1] else '') for j in kept]
              for row in item.board.rows],
    )  # fmt: skip
    parts = [f'**{markdown.escape(item.headline)}**']
    home = readme.resolve().parent
    if item.folder.resolve().is_relative_to(home):
        place = urllib.parse.quote(item.folder.resolve().relative_to(home).as_posix())
        parts.append(f'<img src="{place}/{FOLDER}/curves.svg" width="680" alt="Length curves of every task">')
    parts += [markdown.table(short), markdown.escape(item.board.note)]
    parts += [markdown.escape(line) for line in item.left_out]
    if item.folder.resolve().is_relative_to(home):
        parts.append(f'[leaderboard.md]({place}/leaderboard.md) has the other tables and figures.')
    return '\n\n'.join(parts)
