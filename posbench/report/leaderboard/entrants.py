"""Which runs of which studies are one encoding, and what they scored: the field that a leaderboard ranks.

A problem is a task at one training length within one study: models of two studies may differ in size and steps. In it a
run is called as the study calls it, without the name of the task where that is part of it (`copy-rope` is rope).
"""

import dataclasses
import functools
import json
import re
from collections.abc import Sequence
from pathlib import Path

from posbench.report import boards, texts, word_vectors
from posbench.report.boards import Board
from posbench.report.folder import Run, Study

# The mechanism of each encoding of the package, as the atlas finds it from the hooks; a test holds it to the atlas.
MECHANISMS = json.loads((Path(__file__).parent / 'mechanisms.json').read_text('utf-8'))
OWN, UNKNOWN = 'own file', 'unknown'


@dataclasses.dataclass(frozen=True)
class Problem:
    """What entrants are compared on: a board of a study, with a label that no other problem has."""

    label: str
    study: Study
    board: Board

    @property
    def protocol(self) -> str:
        """The main protocol; the others are in the study's own report."""
        return self.board.task.main

    @property
    def lengths(self) -> list[int]:
        """Scored lengths from the training length on; those below it are no extrapolation."""
        return [n for n in self.board.lengths if n >= self.board.train_length]

    @functools.cached_property
    def runs(self) -> dict[str, Run]:
        """The runs of the board by name."""
        return {run.name: run for run in self.study.runs if run.task.name == self.board.task.name}


@dataclasses.dataclass(frozen=True)
class Entrant:
    """An encoding with its positions, wherever it was trained; `runs` and `failed` are by the label of a problem."""

    name: str
    encodings: tuple[str, ...]
    mechanism: str
    runs: dict[str, str]
    failed: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Field:
    """All entrants by name, all problems, and the runs without results, each with its study and the reason."""

    problems: list[Problem]
    entrants: list[Entrant]
    without_results: list[dict[str, str]]
    remarks: list[str]


def field(studies: Sequence[Study]) -> Field:
    """What studies have in common; problems in the order of the studies, entrants by name."""
    problems = _problems(studies)
    parts: dict[tuple[str, tuple], dict[str, Run]] = {}
    for problem in problems:
        labels = _labels(problem)
        for run in problem.board.runs:
            key = labels[run], _kind(problem.runs[run])
            parts.setdefault(key, {})[problem.label] = problem.runs[run]
    kinds: dict[str, list[tuple]] = {}
    for label, kind in parts:
        kinds.setdefault(label, []).append(kind)
    names = {key: _named(*key, kinds[key[0]]) for key in parts}
    failed, lines = _failures(studies, problems)
    entrants = []
    for key, runs in parts.items():
        own = {label: reason for (name, label), reason in failed.items() if name == key[0] and label not in runs}
        entrants.append(Entrant(names[key], key[1][:1], _mechanism(key[1]), {k: r.name for k, r in runs.items()}, own))
    known = {key[0] for key in parts}
    for name in dict.fromkeys(name for name, _ in failed if name not in known):
        own = {label: reason for (other, label), reason in failed.items() if other == name}
        entrants.append(Entrant(name, (), UNKNOWN, {}, own))
    entrants.sort(key=lambda entrant: entrant.name)
    remarks = [text for key, runs in parts.items() if (text := _varying(names[key], runs))]
    return Field(problems, entrants, lines, sorted(remarks))


def _problems(studies: Sequence[Study]) -> list[Problem]:
    """Boards that were scored at lengths beside the training's, or at it alone."""
    found = []
    for study in studies:
        for board in boards.boards(study):
            if board.train_length is not None and board.lengths and not word_vectors.runs_of(board, study.runs):
                found.append((study, board))
    at = [(board.task.name, board.train_length) for _, board in found]
    often = [task for task, _ in set(at)]
    problems = []
    for (study, board), place in zip(found, at):
        label = board.task.name
        if often.count(label) > 1:
            label = f'{label}, {texts.trained(board)}'
        if at.count(place) > 1:
            label = f'{label}, {title(study)}'
        taken = sum(label == other.label for other in problems)
        problems.append(Problem(f'{label} ({taken + 1})' if taken else label, study, board))
    return problems


def title(study: Study) -> str:
    """What a study is called."""
    return study.title or (study.runs[0].name if study.single else study.folder.resolve().name)


def _labels(problem: Problem) -> dict[str, str]:
    """Each run without the name of the task, where that leaves no two alike."""
    short = {run: stripped(problem.board.task.name, run) for run in problem.board.runs}
    often = list(short.values())
    return {run: label if often.count(label) == 1 else run for run, label in short.items()}


def stripped(task: str, run: str) -> str:
    """A run's name without that of its task at either end: 'copy-rope' and 'rope, length/copy' are 'rope'."""
    forms = dict.fromkeys([task, task.replace('/', '_'), task.replace('/', '-'), task.rpartition('/')[2]])
    for form in map(re.escape, forms):
        for pattern in (rf'^{form}[-_/.,: ]+(?=.)', rf'(?<=.)[-_/.,: ]+{form}$'):
            if (rest := re.sub(pattern, '', run)) != run:
                return rest
    return run


def _kind(run: Run) -> tuple[str, str, bool]:
    """The encoding, the positions, and whether the encoding is a file of somebody's own."""
    row = next((row for row in reversed(run.rows) if row.encoding is not None), run.rows[-1])
    options = row.options or {}
    encoding, positions = (options.get(key) or {} for key in ('encoding', 'positions'))
    return row.encoding or UNKNOWN, positions.get('name') or UNKNOWN, encoding.get('module') is not None


def _named(label: str, kind: tuple[str, str, bool], others: list[tuple]) -> str:
    """A label, with what tells this kind from the others of it."""
    differ = [kind[i] for i in (0, 1) if len({other[i] for other in others}) > 1]
    return (
        f'{label} ({", ".join(differ)})'
        if differ
        else label
        if len(others) == 1
        else f'{label} ({OWN if kind[2] else "shipped"})'
    )


def _mechanism(kind: tuple[str, str, bool]) -> str:
    return OWN if kind[2] else MECHANISMS.get(kind[0], UNKNOWN)


def _varying(name: str, runs: dict[str, Run]) -> str:
    """A sentence about options that are not the same for all tasks."""
    values: dict[str, dict[str, list[str]]] = {}
    for label, run in runs.items():
        for part in ('encoding', 'positions'):
            for option, value in ((run.rows[-1].options or {}).get(part) or {}).items():
                values.setdefault(f'{part}.{option}', {}).setdefault(json.dumps(value), []).append(label)
    parts = []
    for option, found in values.items():
        if len(found) > 1:
            often = (f'{value} ({texts.count(len(labels), "task")})' for value, labels in found.items())
            parts.append(f'{option} {", ".join(often)}')
    return f'{name} has options of its own by task: {"; ".join(parts)}.' if parts else ''


def _failures(studies: Sequence[Study], problems: Sequence[Problem]) -> tuple[dict, list[dict[str, str]]]:
    """Reasons by (run without its task, label of the problem), where that is known; and a line for each of all."""
    found, lines = {}, []
    for study in studies:
        own = [problem for problem in problems if problem.study is study]
        for item in study.failed:
            named = {problem.label: stripped(problem.board.task.name, item['run']) for problem in own}
            if len(own) > 1:
                named = {label: name for label, name in named.items() if name != item['run']}
            if len(named) == 1:
                [(label, name)] = named.items()
                found[name, label] = item['reason']
            lines.append(dict(study=title(study), run=item['run'], reason=item['reason']))
    return found, lines


def unfinished(reason: str) -> bool:
    """Whether a run without results may still come to its end: it did not fail."""
    return reason == 'not begun' or reason.endswith('not finished') or 'anew' in reason or 'another config' in reason
