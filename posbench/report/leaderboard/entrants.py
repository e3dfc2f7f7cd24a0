"""Which runs of which studies are one encoding: the field that a leaderboard ranks."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from posbench.report import texts
from posbench.report.folder import Run, Study
from posbench.report.leaderboard import problems
from posbench.report.leaderboard.problems import Problem

# The mechanism of each encoding of the package, as the atlas finds it from the hooks; a test holds it to the atlas.
MECHANISMS = json.loads((Path(__file__).parent / 'mechanisms.json').read_text('utf-8'))
OWN, UNKNOWN = 'own file', 'unknown'


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
    found = problems.of(studies)
    parts: dict[tuple[str, tuple], dict[str, Run]] = {}
    for problem in found:
        for run in problem.board.runs:
            key = problem.labelled(run), _kind(problem.runs[run])
            parts.setdefault(key, {})[problem.label] = problem.runs[run]
    kinds: dict[str, list[tuple]] = {}
    for label, kind in parts:
        kinds.setdefault(label, []).append(kind)
    names = {key: _named(*key, kinds[key[0]]) for key in parts}
    failed, lines = _failures(studies, found)
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
    return Field(found, entrants, lines, sorted(remarks))


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


def _failures(studies: Sequence[Study], found: Sequence[Problem]) -> tuple[dict, list[dict[str, str]]]:
    """Reasons by (run without its task, label of the problem), where that is known; and a line for each of all."""
    by_place, lines = {}, []
    for study in studies:
        own = [problem for problem in found if problem.study is study]
        for item in study.failed:
            problem = problems.of_failed(own, item)
            if problem is not None:
                by_place[problem.labelled(item['run']), problem.label] = item['reason']
            lines.append(dict(study=problems.title(study), run=item['run'], reason=item['reason']))
    return by_place, lines


def unfinished(reason: str) -> bool:
    """Whether a run without results may still come to its end: it did not fail."""
    return reason == 'not begun' or reason.endswith('not finished') or 'anew' in reason or 'another config' in reason
