"""report.html and report.md from the same parts. The page is one file that asks the network for nothing."""

import base64
import dataclasses
import urllib.parse
from pathlib import Path

import jinja2

from posbench.report import markdown, provenance, tables, texts, verdicts
from posbench.report.boards import Board
from posbench.report.folder import Study
from posbench.report.tables import Cell, Column, Table


@dataclasses.dataclass(frozen=True)
class Picture:
    """A drawn figure: `path` of its PNG, and a text that says what is in it."""

    path: Path
    alt: str

    @property
    def data(self) -> str:
        return 'data:image/png;base64,' + base64.b64encode(self.path.read_bytes()).decode('ascii')


@dataclasses.dataclass(frozen=True)
class Section:
    """The tables and figures of one board; `matrices` are the numbers of figures."""

    heading: str
    headline: tuple[str, str]
    tables: list[Table]
    pictures: list[Picture]
    matrices: list[Table]
    everything: Table


@dataclasses.dataclass(frozen=True)
class Content:
    """All that both files say."""

    title: str
    sections: list[Section]
    pictures: list[Picture]
    claims: list[dict]
    failed: list[dict]
    facts: list[tuple[str, str]]
    settings: tuple[list, dict]
    fingerprint: tuple[list, dict]
    notes: tuple[str, ...]
    words: tuple[str, ...] = verdicts.WORDS


def content(study: Study, found: list[Board], drawn: dict[str, list[Picture]]) -> Content:
    """`drawn` maps the heading of a board to its figures, and '' to the figures of the whole folder."""
    sections = [
        Section(
            heading=heading(board),
            headline=texts.headline(board, single=study.single),
            tables=length_tables(study, board),
            pictures=drawn.get(heading(board), []),
            matrices=[tables.matrix(item, words) for words, item in figures(study, board)],
            everything=tables.everything(board),
        )
        for board in found
    ]
    return Content(
        title=study.runs[0].name if study.single else study.folder.resolve().name,
        sections=sections,
        pictures=drawn.get('', []),
        claims=study.claims,
        failed=study.failed,
        facts=provenance.facts(study),
        settings=provenance.shared(study.runs, provenance.settings),
        fingerprint=provenance.shared(study.runs, provenance.fingerprint),
        notes=(*provenance.histories(study), *notes(found)),
    )


def notes(found: list[Board]) -> tuple[str, ...]:
    """The rules behind the verdicts on the page, and what an interval is."""
    judged = [b for b in found if any(b.verdict(run, protocol) for run in b.runs for protocol in b.task.protocols)]
    rules = [verdicts.sentence(b.metric, f'the {b.guess} model' if b.guess else 'chance') for b in judged]
    return *dict.fromkeys(rules), texts.INTERVALS


def figures(study: Study, board: Board) -> list[tuple[str, dict]]:
    """The figures that the task made of the runs of a board, each with its title, in the order of the runs."""
    runs = {run.name: run for run in study.runs if run.task.name == board.task.name}
    found = [(run, figure) for run in board.runs for figure in runs[run].figures.values()]
    return [(figure['title'] if study.single else f'{run}: {figure["title"]}', figure) for run, figure in found]


def heading(board: Board) -> str:
    """What a board is about, in one line."""
    return ', '.join(filter(None, [board.task.name, board.split or 'unknown split', texts.trained(board)]))


def length_tables(study: Study, board: Board) -> list[Table]:
    """The length tables of a board; none where nothing was scored by length."""
    if not board.lengths:
        return []
    if study.single:
        return [tables.lengths_of_run(board, board.runs[0])]
    return [tables.of_study(board, protocol) for protocol in board.task.protocols]


def environment() -> jinja2.Environment:
    """Where the templates are, and how they are filled in: everything is escaped."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader('posbench.report', '.'),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


def to_html(item: Content) -> str:
    """The whole page, self-contained."""
    return environment().get_template('page.html.j2').render(page=item)


def to_markdown(item: Content) -> str:
    """The same content as report.md."""
    parts = [f'# {markdown.escape(item.title)}']
    for section in item.sections:
        if len(item.sections) > 1:
            parts.append(f'## {markdown.escape(section.heading)}')
        parts += [f'**{markdown.escape(section.headline[0])}**', markdown.escape(section.headline[1])]
        parts += [_image(picture) for picture in section.pictures]
        for table in section.tables:
            parts += [f'### {markdown.escape(table.title)}', markdown.table(table), markdown.escape(table.note)]
        for table in section.matrices:
            parts += [f'### {markdown.escape(table.title)}', markdown.table(table)]
    parts += [_image(picture) for picture in item.pictures]
    if item.claims:
        parts += ['### Claims', claims(item.claims)]
    if item.failed:
        parts += ['### Runs without results', failed(item.failed)]
    parts += ['### How to read this', *(markdown.escape(note) for note in item.notes)]
    parts += ['### Provenance', _pairs(item.facts)]
    for name, (common, rest) in (('Settings', item.settings), ('Fingerprint', item.fingerprint)):
        if common:
            parts += [f'### {name}', _pairs(common)]
        for run, pairs in rest.items():
            parts += [f'### {name} of {markdown.escape(run)}', _pairs(pairs)]
    for section in item.sections:
        parts += [f'### Every number: {markdown.escape(section.heading)}', markdown.table(section.everything)]
    return '\n\n'.join(part for part in parts if part) + '\n'


def claims(items: list[dict]) -> str:
    """A markdown table of what was claimed and what came out."""
    rows = [[Cell(c['verdict'], word=True), Cell(str(c['claim']), word=True), Cell(str(c.get('evidence', '')),
            word=True)] for c in items]  # fmt: skip
    return markdown.table(Table('', '', [Column('verdict'), Column('claim'), Column('evidence')], rows))


def failed(items: list[dict]) -> str:
    """A Markdown table of runs that failed, and why."""
    rows = [[Cell(item['run'], word=True), Cell(item['reason'], word=True)] for item in items]
    return markdown.table(Table('', '', [Column('run'), Column('reason')], rows))


def _pairs(pairs: list[tuple[str, str]]) -> str:
    rows = [[Cell(name, word=True), Cell(text, word=True)] for name, text in pairs]
    return markdown.table(Table('', '', [Column('name'), Column('value')], rows)) if rows else ''


def _image(picture: Picture) -> str:
    return f'![{markdown.escape(picture.alt)}]({urllib.parse.quote(picture.path.name)})'
