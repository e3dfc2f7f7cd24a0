"""leaderboard.html and leaderboard.md from the same results. The page is one file that asks the network for nothing."""

import dataclasses
import functools
import json
import os
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path

from markupsafe import Markup

from posbench.report import boards, latex, markdown, papers, provenance, records, tables, texts
from posbench.report.folder import Study
from posbench.report.leaderboard import board_tables, costs, figures, problems, standings, svg
from posbench.report.leaderboard.board_tables import Results
from posbench.report.leaderboard.scores import AT, BEYOND, View, view
from posbench.report.leaderboard.studies import Found
from posbench.report.tables import Cell, Column, Table

COLOURED = 7  # as many as there are colours
MOST = 1000  # rows of a table on the page, which is to be small; longer ones are in their files alone
FOLDER = 'leaderboard'
# Of settings and fingerprints what stands with the facts.
SAID_FIRST = ('salt', 'date', 'python', 'jax', 'jaxlib', 'cpu')

NOTES = (
    'A score is the way from chance to faultless: (value − chance) / (best − chance), the best being 1 of a share, and '
    '0 of an error or a loss. Only the main protocol of each task counts; the studies have the others.',
    'A failure is a cell, never a hole: what is no number, or has no results because its run failed, scores as the '
    'worst of all entrants in its cell, and as chance at best.',
    'Intervals and ranges of ranks are 95 % percentile bootstrap intervals over seeds, drawn for each task on its own '
    '(10,000 resamples, fixed seed). Encodings that share a letter cannot be told apart: a paired t-test with the '
    'seeds of each task as a stratum, corrected by Holm over all pairs, at 5 %. Both ask what other seeds would give '
    'on these tasks; what other tasks would give, Friedman and the critical difference ask.',
)


@dataclasses.dataclass(frozen=True)
class Shown:
    """An entrant as the page has it: its number, and whether it is drawn in colour."""

    index: int
    name: str
    mechanism: str
    on: bool
    ranked: bool


@dataclasses.dataclass(frozen=True)
class Page:
    """Everything that both files say of a folder with studies."""

    folder: Path
    found: Sequence[Found]
    results: Results

    words = (papers.PASS, papers.FAIL)
    title = functools.cached_property(lambda self: self.folder.resolve().name)
    order = functools.cached_property(lambda self: self.results.order)

    @functools.cached_property
    def index(self) -> dict[str, int]:
        """The number of each entrant; those in colour come first, so that no two of them look alike."""
        return {name: i for i, name in enumerate([*self.coloured, *(n for n in self.order if n not in self.coloured)])}

    @functools.cached_property
    def coloured(self) -> list[str]:
        """The best of each mechanism; of few entrants all."""
        if len(self.order) <= COLOURED:
            return self.order
        mechanisms = {entrant.name: entrant.mechanism for entrant in self.results.scores.field.entrants}
        best: dict[str, str] = {}
        for name in self.order:
            best.setdefault(mechanisms[name], name)
        return list(best.values())[:COLOURED]

    @property
    def on(self) -> dict[str, int]:
        return {name: self.index[name] for name in self.coloured}

    @functools.cached_property
    def by_rank(self) -> list[Shown]:
        """In the order of the first table."""
        mechanisms = {entrant.name: entrant.mechanism for entrant in self.results.scores.field.entrants}
        ranked = self.results.main.ranked
        return [Shown(self.index[n], n, mechanisms[n], n in self.coloured, n in ranked) for n in self.order]

    @property
    def entrants(self) -> list[Shown]:
        return sorted(self.by_rank, key=lambda shown: shown.name)

    @staticmethod
    def is_long(item: Table) -> bool:
        """Whether a table is in its files alone."""
        return len(item.rows) > MOST

    @property
    def look(self) -> Markup:
        return Markup(svg.look(len(self.order)))

    @property
    def headline(self) -> str:
        """Who is first, and who cannot be told from it."""
        places, main = self.results.places, self.results.main
        if not places:
            return f'{texts.count(len(self.order), "encoding")}; no task that two of them have in common.'
        first, *others = places
        near = [place.entrant for place in others if set(place.letters) & set(first.letters)]
        where = 'beyond the training length' if main.which == BEYOND else 'at the training length'
        lead = (
            f'{first.entrant} is first of {texts.count(len(places), "encoding")} {where}, by its mean score of '
            f'{first.score.mean:.2f} over {texts.count(len(main.cells), "task")}'
            if others
            else f'{first.entrant} scores {first.score.mean:.2f} {where} over {texts.count(len(main.cells), "task")}'
        )
        return f'{lead}; {texts.listed(near)} cannot be told apart from it.' if near else f'{lead}.'

    @property
    def changed(self) -> list[str]:
        return [line for study in self.studies for line in study.changed]

    @property
    def contents(self) -> list[tuple[str, str]]:
        """Anchors of the sections that there are."""
        apart = self.critical or self.pairs.rows or self.profile
        found = [('leaderboard', 'Leaderboard'), ('tasks', 'By task'), ('curves', 'By length')]
        found += [('apart', 'What can be told apart')] if apart else []
        found += [('cost', 'Cost')] if self.costs else []
        found += [('papers', 'Papers')] if self.papers else []
        return [*found, ('studies', 'Studies'), ('reading', 'How to read'), ('provenance', 'Provenance')]

    board = functools.cached_property(lambda self: _filed(board_tables.leaderboard(self.results), 'leaderboard'))
    by_task = functools.cached_property(lambda self: _filed(board_tables.by_task(self.results), 'by-task'))
    pairs = functools.cached_property(lambda self: _filed(board_tables.pairwise(self.results), 'pairs'))
    cells = functools.cached_property(lambda self: _filed(board_tables.cells(self.results), 'cells'))
    _critical = functools.cached_property(lambda self: standings.critical(self.results.main))

    @property
    def keys(self) -> list[str]:
        """What the columns of the first table are to the script."""
        at = ['at'] if self.results.main.which == BEYOND else []
        return ['name', 'rank', 'group', 'score', *at, 'tasks', 'params', 'flops', 'rate', 'fail']

    @functools.cached_property
    def papers(self) -> list[Table]:
        """Ours beside what was published, a table each: of every study by its own boards and claims."""
        found = [papers.table(boards.boards(study), item, study.claims)
                 for study in self.studies for item in study.published]  # fmt: skip
        return [_filed(table, f'paper-{i + 1}') for i, table in enumerate(found)]

    @property
    def left_out(self) -> list[str]:
        """What does not count, a sentence each."""
        lines = self.results.main.left_out
        return [f'Not counted: {" ".join(lines)}'] if lines else []

    @functools.cached_property
    def critical(self) -> svg.Drawing | None:
        return self._critical and figures.critical(self._critical, self.index, self.on)

    @functools.cached_property
    def ranks(self) -> Table:
        return _filed(board_tables.mean_ranks(self._critical), 'mean-ranks')

    @functools.cached_property
    def curves(self) -> list[tuple[svg.Drawing, str]]:
        """A panel a task, with what it shows."""
        drawn = figures.curves(self.results, self.on, self.index)
        metrics = [problem.board.metric for problem in self.results.scores.field.problems]
        return [(one, f'{metric.phrase}, {metric.better} is better') for one, metric in zip(drawn, metrics)]

    @property
    def curves_note(self) -> str:
        """What is in colour."""
        some = len(self.coloured) < len(self.order)
        which = 'In colour: the best of each mechanism; the names put others beside them. ' if some else ''
        return (
            f'Mean over seeds, with its 95 % interval as a band. {which}Dashed: the training length. Dotted: chance. '
            f'A cross: beyond it there is no number.'
        )

    @functools.cached_property
    def profile(self) -> svg.Drawing | None:
        return figures.profile(self.results, self.on, self.index)

    profile_note = (
        'Of each encoding the share of its cells (tasks, lengths and seeds) that score above each threshold, with a '
        'pointwise 95 % band. A line that is nowhere below another one is better by any mean.'
    )

    @functools.cached_property
    def costs(self) -> list[svg.Drawing]:
        return figures.costs(self.results, self.on, self.index)

    @property
    def costs_note(self) -> str:
        """What cost is; devices where there are several."""
        devices = sorted({device for cost in self.results.costs.values() for device in cost.devices})
        said = f' They ran on {texts.listed(devices)}.' if devices else ''
        warned = ' Speeds of different devices do not compare.' if len(devices) > 1 else ''
        return f'{costs.SPEED} {costs.FLOPS}{said}{warned} Dashed: those that nobody beats in both.'

    @property
    def tasks(self) -> list[str]:
        return list(self.results.scores.problems)

    @property
    def lengths(self) -> list[tuple[str, str]]:
        """What can be chosen, the main view first."""
        found = [(BEYOND, 'beyond training')] if self.results.main.which == BEYOND else []
        words = {AT: 'at training', 'first unseen': 'first unseen length'}
        return found + [(multiple, words.get(multiple, multiple)) for multiple in self.results.scores.multiples]

    @property
    def mechanisms(self) -> list[tuple[str, str]]:
        """Those that there are, with how many."""
        found = [shown.mechanism for shown in self.by_rank]
        words = board_tables.MECHANISM_WORDS
        return [(one, f'{words[one]} ({found.count(one)})') for one in words if one in found]

    @property
    def views(self) -> Markup:
        """Every choice of a task and a length, as the script shows it."""
        found = {}
        for task, labels in [('', None), *((str(i), [label]) for i, label in enumerate(self.tasks))]:
            for which, _ in self.lengths:
                known = {self.results.main.which: self.results.main, AT: self.results.at} if task == '' else {}
                one = known.get(which) or view(self.results.scores, which, labels)
                if one.cells:
                    found[f'{task}|{which}'] = self._view(one)
        return Markup(json.dumps(found, separators=(',', ':'), ensure_ascii=True).replace('<', '\\u003c'))

    def _view(self, one: View) -> dict:
        results, places = self.results, {}
        known = results.places if one is results.main else results.places_at if one is results.at else None
        for place in standings.places(one) if known is None else known:
            score, rank = tables.value(place.score), board_tables.rank(place)
            shown = [score.text, score.small, *(round(x, 5) for x in _line(score))]
            places[self.index[place.entrant]] = dict(
                rank=rank.text, place=rank.sort, letters=board_tables.group(place).text, score=shown
            )
        return dict(places=places, note=board_tables.note(one))

    def mark(self, cell: Cell) -> str:
        """Style of the mark beside a score: its interval and itself, in per cent of the way."""
        ends = zip('mab', _line(cell))
        return ';'.join(f'--{name}:{100 * min(1.0, max(0.0, x)):.1f}%' for name, x in ends)

    @functools.cached_property
    def failures(self) -> Table:
        """Runs without results."""
        rows = [[tables.name(item['run']), tables.name(item['study']), Cell(item['reason'], item['names'], word=True)]
                for item in self.results.scores.field.without_results]  # fmt: skip
        columns = [Column('run'), Column('study'), Column('reason')]
        return Table('Runs without results', '', columns, rows, file='failures')

    @property
    def studies(self) -> list[Study]:
        """Those that have results."""
        return [one.runs for one in self.found if one.runs is not None]

    @property
    def rows_of_studies(self) -> list[dict]:
        """What each study asked, how much of it there is, what came of its claims, and how it goes on."""
        rows = []
        for one in self.found:
            place = os.path.relpath(one.folder.resolve(), self.folder.resolve()).replace(os.sep, '/')
            runs = one.runs.runs if one.runs else []
            verdicts = [claim['verdict'] for claim in one.runs.claims] if one.runs else []
            rows.append(
                dict(title=one.title, question=one.question, trial=texts.trial(one.runs.overrides) if one.runs else '',
                     link=urllib.parse.quote(f'{place}/report.html'.removeprefix('./')) if one.runs else '',
                     runs=len(runs), failed=len(one.runs.failed) if one.runs else 0, passed=verdicts.count('PASS'),
                     fails=verdicts.count('FAIL'), going_on=one.going_on)
            )  # fmt: skip
        return rows

    @property
    def notes(self) -> list[str]:
        about = [] if self.costs else [costs.SPEED, costs.FLOPS]
        return [*NOTES, *about, *self.results.scores.field.remarks]

    @functools.cached_property
    def provenance(self) -> list[tuple[str, list, list]]:
        """Of each study what its rows and folders say of where they come from, and the settings that its runs share."""
        found = []
        for study in self.studies:
            shared = [pair for of in (provenance.settings, provenance.fingerprint)
                      for pair in provenance.shared(study.runs, of)[0]]  # fmt: skip
            first = [pair for pair in shared if pair[0].rpartition('.')[2] in SAID_FIRST]
            found.append((problems.title(study), [*provenance.facts(study), *first], shared))
        return found

    @property
    def tables(self) -> list[Table]:
        """Every table that there is, each with a file of its own."""
        found = [self.board, self.by_task, *([self.ranks] if self._critical else []), self.pairs, *self.papers]
        return [item for item in [*found, self.failures, self.cells] if item.rows]

    @property
    def drawings(self) -> Iterator[tuple[str, str]]:
        """Every figure as a file of its own, by its name."""
        names, entrants = {index: name for name, index in self.on.items()}, len(self.order)
        yield 'curves', svg.file([drawing for drawing, _ in self.curves], 2, names, entrants)
        if self.critical:
            yield 'critical-difference', svg.file([self.critical], 1, {}, entrants)
        if self.profile:
            yield 'profile', svg.file([self.profile], 1, names, entrants)
        if self.costs:
            yield 'cost', svg.file(self.costs, 2, {}, entrants)

    @staticmethod
    def downloads(item: Table) -> list[tuple[str, str, str]]:
        """The forms of a table as links that hold it: what it is called, the name of the file, and its data."""
        return [
            (words, f'{item.file}.{kind}', f'data:text/plain;charset=utf-8,{urllib.parse.quote(text)}')
            for words, kind, text in renderings(item)
        ]


def _filed(item: Table, name: str) -> Table:
    return dataclasses.replace(item, file=name)


def _line(cell: Cell) -> list[float]:
    """A score and the ends of its interval, which is a point where there is none."""
    return [cell.exact['mean'], *(cell.sort if cell.exact[end] is None else cell.exact[end] for end in ('low', 'high'))]


def renderings(item: Table) -> list[tuple[str, str, str]]:
    """A table in its three forms: what it is called, the ending of its file, the text."""
    return [('CSV', 'csv', records.text(item)), ('Markdown', 'md', markdown.table(item) + '\n'),
            ('LaTeX', 'tex', latex.text(item))]  # fmt: skip
