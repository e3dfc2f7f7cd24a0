"""report.html and report.md from the same parts. The page is one file that asks the network for nothing."""

import base64
import dataclasses
import urllib.parse
from pathlib import Path

import jinja2

from posbench.report import (
    choices,
    markdown,
    papers,
    provenance,
    statistics,
    table_files,
    tables,
    texts,
    verdicts,
    word_vectors,
)
from posbench.report.boards import Board
from posbench.report.folder import Study
from posbench.report.tables import Cell, Column, Table

# Runs of a task whose figures a page has: of more nobody looks at each, and each has a report in its own folder.
MANY = 40
# Rows of a table of a page.
MOST = 2000


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
    """All that both files say; `cards`: on a narrow screen each row of a length table is a card.

    `claims`, `failed` and `left_over` are lists of a page, and of report.md the tables `lists`, by their headings.
    """

    title: str
    question: str
    trial: str
    sections: list[Section]
    pictures: list[Picture]
    samples: list[tuple[str, dict]]
    papers: list[Table]
    claims: list[dict]
    failed: list[tuple[str, str, str]]  # whose results are missing, why, and where these are many, their names
    left_over: list[dict]
    facts: list[tuple[str, str]]
    settings: tuple[list, dict]
    fingerprint: tuple[list, dict]
    notes: tuple[str, ...]
    cards: bool
    changed: list[str]
    lists: dict[str, Table]
    words: tuple[str, ...] = (*verdicts.WORDS, papers.PASS, papers.FAIL)

    @property
    def tables(self) -> list[Table]:
        """All that have files of their own."""
        own = [table for part in self.sections for table in (*part.tables, *part.matrices, part.everything)]
        return [*own, *self.papers, *self.lists.values()]

    @staticmethod
    def is_long(table: Table) -> bool:
        """Whether a table is in its files alone."""
        return len(table.rows) > MOST

    @staticmethod
    def files(table: Table) -> list[tuple[str, str]]:
        """(name, address) of the files of a table, for the template."""
        return table_files.links(table)


def content(study: Study, found: list[Board], drawn: dict[str, list[Picture]]) -> Content:
    """`drawn` maps the heading of a board to its figures, and '' to the figures of the whole folder."""
    taken: set[str] = set()
    sections = [
        Section(
            heading=heading(board),
            headline=headline(study, board),
            tables=table_files.named([*effect_tables(study, board), *length_tables(study, board)], taken),
            pictures=drawn.get(heading(board), []),
            matrices=table_files.named([tables.matrix(item, words) for words, item in figures(study, board)], taken),
            everything=table_files.named([tables.everything(board)], taken)[0],
        )
        for board in found
    ]
    lists = [_claims(study.claims), _failed(texts.without_results(study.failed)), _left_over(study.left_over)]
    lists = table_files.named([table for table in lists if table.rows], taken)
    return Content(
        title=study.title or (study.runs[0].name if study.single else study.folder.resolve().name),
        question=study.question or '',
        trial=texts.trial(study.overrides),
        sections=sections,
        pictures=drawn.get('', []),
        samples=[(run.name, run.samples) for run in study.runs if run.samples is not None],
        papers=table_files.named([papers.table(found, item, study.claims) for item in study.published], taken),
        claims=study.claims,
        failed=texts.without_results(study.failed),
        left_over=study.left_over,
        facts=provenance.facts(study),
        settings=provenance.shared(study.runs, provenance.settings),
        fingerprint=provenance.shared(study.runs, provenance.fingerprint),
        notes=(*provenance.histories(study), *notes(study, found), *_vouching(study)),
        changed=study.changed,
        cards=not study.single,
        lists={table.title: table for table in lists},
    )


def headline(study: Study, board: Board) -> tuple[str, str]:
    """The result of a board in a sentence, and what it must be read with."""
    if not study.is_of_encodings and (found := choices.of_board(board, study.levels)):
        return choices.headline(board, found)
    of_words = word_vectors.runs_of(board, study.runs)
    return word_vectors.headline(board, of_words) if of_words else texts.headline(board, single=study.single)


def notes(study: Study, found: list[Board]) -> tuple[str, ...]:
    """The rules behind the verdicts on the page, and how sure its numbers are."""
    by_length = [board for board in found if not word_vectors.runs_of(board, study.runs)]
    judged = [b for b in found if any(b.verdict(run, protocol) for run in b.runs for protocol in b.task.protocols)]
    rules = []
    for board in judged:
        references = f'every reference model ({", ".join(board.baselines)})' if board.baselines else ''
        rules.append(
            verdicts.sentence(board.metric, f'the {board.guess} model' if board.guess else 'chance', references)
        )
    seeds = [len(board.seeds(run)) for board in found for run in board.runs]
    measured = [any(board.parts[run].values()) for board in by_length for run in board.runs]
    known = {
        texts.NOISE: any(measured) or (by_length and max(seeds) > 1),
        texts.UNKNOWN_NOISE: not all(measured),
        texts.INTERVALS: max(seeds) >= statistics.MIN_SEEDS,
        texts.ONE_SEED: max(seeds) == 1,
        texts.MANY.format(most=MANY): any(len(board.runs) > MANY for board in found),
    }
    return *dict.fromkeys(rules), *(text for text, holds in known.items() if holds)


def _vouching(study: Study) -> list[str]:
    """For which numbers no run speaks."""
    if not study.unvouched:
        return []
    whose = 'this folder' if study.unvouched == ['.'] else ', '.join(study.unvouched)
    return [f'Nothing vouches for the files of {whose}: there is no manifest.json, which a run writes with its rows.']


def figures(study: Study, board: Board) -> list[tuple[str, dict]]:
    """The figures that the task made of the runs of a board, each with its title, in the order of the runs.

    None of more than MANY runs.
    """
    if len(board.runs) > MANY:
        return []
    runs = {run.name: run for run in study.runs if run.task.name == board.task.name}
    found = [(run, figure) for run in board.runs for figure in runs[run].figures.values()]
    return [(figure['title'] if study.single else f'{run}: {figure["title"]}', figure) for run, figure in found]


def heading(board: Board) -> str:
    """What a board is about, in one line."""
    return ', '.join(filter(None, [board.task.name, board.split or 'unknown split', texts.trained(board)]))


def effect_tables(study: Study, board: Board) -> list[Table]:
    """What each choice of a grid does; none of a study that is no grid of several choices."""
    found = choices.of_board(board, study.levels)
    return [choices.table(board, found)] if found else []


def length_tables(study: Study, board: Board) -> list[Table]:
    """The tables of a board: by length, or of word vectors; none where there is nothing of either."""
    if of_words := word_vectors.runs_of(board, study.runs):
        return word_vectors.tables(board, of_words)
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
    return _unicode(environment().get_template('page.html.j2').render(page=item))


def to_markdown(item: Content) -> str:
    """The same content as report.md."""
    parts = [f'# {markdown.escape(item.title)}', markdown.escape(item.question), markdown.escape(item.trial)]
    parts += [f'**CHANGED** {markdown.escape(line)}' for line in item.changed]
    for section in item.sections:
        if len(item.sections) > 1:
            parts.append(f'## {markdown.escape(section.heading)}')
        parts += [f'**{markdown.escape(section.headline[0])}**', markdown.escape(section.headline[1])]
        parts += [_image(picture) for picture in section.pictures]
        for table in section.tables:
            parts += [f'### {markdown.escape(table.title)}', *_table(table), markdown.escape(table.note)]
        for table in section.matrices:
            parts += [f'### {markdown.escape(table.title)}', *_table(table)]
    parts += [_image(picture) for picture in item.pictures]
    for run, found in item.samples:
        parts += [f'### What {markdown.escape(run)} says', markdown.escape(found['about'])]
        parts += [markdown.verbatim(text) for text in found['texts']]
    for table in item.papers:
        parts += [f'### {markdown.escape(table.title)}', *_table(table), markdown.escape(table.note)]
    for title, table in item.lists.items():
        parts += [f'### {title}', *_table(table)]
    parts += ['### How to read this', *(markdown.escape(note) for note in item.notes)]
    parts += ['### Provenance', _pairs(item.facts)]
    for name, (common, rest) in (('Settings', item.settings), ('Fingerprint', item.fingerprint)):
        if common:
            parts += [f'### {name}', _pairs(common)]
        for run, pairs in rest.items():
            parts += [f'### {name} of {markdown.escape(run)}', _pairs(pairs)]
    for section in item.sections:
        whole, links = _table(section.everything)
        shown = 'In these files alone.' if item.is_long(section.everything) else whole
        parts += [f'### Every number: {markdown.escape(section.heading)}', shown, links]
    return _unicode('\n\n'.join(part for part in parts if part) + '\n')


def claims(items: list[dict]) -> str:
    """A markdown table of what was claimed and what came out."""
    return markdown.table(_claims(items))


def failed(items: list[tuple[str, str, str]]) -> str:
    """A Markdown table of runs without results, and why."""
    return markdown.table(_failed(items))


def _claims(items: list[dict]) -> Table:
    rows = [[item['verdict'], str(item['claim']), str(item.get('evidence', ''))] for item in items]
    return _of_words('Claims', ('verdict', 'claim', 'evidence'), rows)


def _failed(items: list[tuple[str, str, str]]) -> Table:
    rows = [[tables.name(who), Cell(why, names, word=True)] for who, why, names in items]
    return Table('Runs without results', '', [Column('run'), Column('reason')], rows)


def _left_over(items: list[dict]) -> Table:
    """What lies in the folder of a study and does not count, and why."""
    return _of_words('Left over', ('left over', 'why'), [[item['name'], item['why']] for item in items])


def _of_words(title: str, columns: tuple[str, ...], rows: list[list[str]]) -> Table:
    return Table(title, '', [Column(head) for head in columns], [[tables.name(text) for text in row] for row in rows])


def _table(table: Table) -> list[str]:
    """A table, and links to its files."""
    links = ' · '.join(f'[{name}]({urllib.parse.quote(address)})' for name, address in table_files.links(table))
    return [markdown.table(table), links]


def _unicode(text: str) -> str:
    """Text that UTF-8 can hold: bytes of a name that are none stand in it as escapes."""
    return text.encode('utf-8', 'backslashreplace').decode('utf-8')


def _pairs(pairs: list[tuple[str, str]]) -> str:
    return markdown.table(_of_words('', ('name', 'value'), [list(pair) for pair in pairs])) if pairs else ''


def _image(picture: Picture) -> str:
    return f'![{markdown.escape(picture.alt)}]({urllib.parse.quote(picture.path.name)})'
