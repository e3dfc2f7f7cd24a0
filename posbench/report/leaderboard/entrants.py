"""Which runs of which studies are one encoding: the field that a leaderboard ranks."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from posbench import failures
from posbench.report import texts
from posbench.report.folder import Run, Study
from posbench.report.leaderboard import problems
from posbench.report.leaderboard.problems import Problem

# The mechanism of each encoding of the package, as the atlas finds it from the hooks; a test holds it to the atlas.
MECHANISMS = json.loads((Path(__file__).parent / 'mechanisms.json').read_text('utf-8'))
OWN, UNKNOWN = 'own file', 'unknown'


@dataclasses.dataclass(frozen=True)
class Entrant:
    """An encoding with its positions, wherever it was trained.

    By the label of a problem: its `runs`, why runs `failed`, and why others are `lacking`, being not finished.
    """

    name: str
    encodings: tuple[str, ...]
    mechanism: str
    runs: dict[str, str]
    failed: dict[str, str]
    lacking: dict[str, str]


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
    failed, lacking = _without_results(found)
    entrants = []
    for key, runs in parts.items():
        lost, late = (_own(key[0], kept, runs) for kept in (failed, lacking))
        named = {label: run.name for label, run in runs.items()}
        entrants.append(Entrant(names[key], key[1][:1], _mechanism(key[1]), named, lost, late))
    known = {key[0] for key in parts}
    for name in dict.fromkeys(name for name, _ in [*failed, *lacking] if name not in known):
        entrants.append(Entrant(name, (), UNKNOWN, {}, _own(name, failed, {}), _own(name, lacking, {})))
    entrants.sort(key=lambda entrant: entrant.name)
    lines = [
        dict(study=problems.title(study), run=who, reason=why, names=names)
        for study in studies
        for who, why, names in texts.without_results(study.failed)
    ]
    remarks = [text for key, runs in parts.items() if (text := _varying(names[key], runs))]
    return Field(found, entrants, lines, sorted(remarks))


def _kind(run: Run) -> tuple[str, str, bool]:
    """The encoding, the positions, and whether the encoding is a file of somebody's own."""
    row = next((row for row in reversed(run.rows) if row.encoding is not None), run.rows[-1])
    options = row.options or {}
    encoding, positions = (options.get(key) or {} for key in ('encoding', 'positions'))
    return row.encoding or UNKNOWN, positions.get('name') or UNKNOWN, encoding.get('module') is not None


def _own(name: str, kept: dict[tuple[str, str], str], runs: dict[str, Run]) -> dict[str, str]:
    """What is kept of one entrant, by the label of the problem, where it has no run."""
    return {label: words for (other, label), words in kept.items() if other == name and label not in runs}


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


def _without_results(found: Sequence[Problem]) -> tuple[dict, dict]:
    """Why runs failed, and why others are not finished, by (run without its task, label of the problem) if known."""
    failed, lacking = {}, {}
    for study in dict.fromkeys(id(problem.study) for problem in found):
        own = [problem for problem in found if id(problem.study) == study]
        for item in own[0].study.failed:
            if (problem := problems.of_failed(own, item)) is not None:
                word, place = failures.word(item), (problem.labelled(item['run']), problem.label)
                # A word that the reason begins with is not said twice.
                said = item['reason'] if item['reason'].startswith(word) else f'{word}: {item["reason"]}'
                (failed if word else lacking)[place] = said
    return failed, lacking
