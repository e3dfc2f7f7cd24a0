"""Which folders below one are studies, and what each has: its runs, or why there are none yet."""

import dataclasses
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from posbench import failures
from posbench.report import folder as folder_lib
from posbench.report import named
from posbench.report.folder import Study
from posbench.report.leaderboard import problems


@dataclasses.dataclass(frozen=True)
class Found:
    """A study; `runs` is None where it has no results, and `going_on` is the command that runs what it lacks, or ''."""

    folder: Path
    title: str
    question: str
    runs: Study | None
    going_on: str = ''


def find(folder: Path) -> list[Path]:
    """The folders of the studies in one, in the order of their paths: itself, or several below it.

    A folder is one study if it has a study.json, rows, or no study.json anywhere below it; else its own folders are
    looked into, where a run that no study names is a study of its own.
    """
    if (folder / named.NAME).is_file() or (folder / 'rows.jsonl').is_file() or not _below(folder, named.NAME):
        return [folder]
    inner = [path for path in sorted(folder.iterdir()) if path.is_dir() and not path.name.startswith('.')]
    return [place for path in inner if _below(path, named.NAME) or _below(path, 'rows.jsonl') for place in find(path)]


def read(folders: Sequence[Path]) -> list[Found]:
    """All of them; ReportError, in one line, for one with a damaged file."""
    return [_read(folder) for folder in folders]


def of(study: Study) -> Found:
    """A study that was read already."""
    known = named.read(study.folder)
    command = _command(study.folder, known) if known and _lacks(study) else ''
    return Found(study.folder, problems.title(study), study.question or '', study, command)


def together(found: Sequence[Found]) -> list[Study]:
    """Those that have results; single runs beside each other, which no study names, are one."""
    studies, loose = [], {}
    for one in found:
        if one.runs is not None and one.runs.single and one.runs.title is None:
            loose.setdefault(one.folder.resolve().parent, []).append(one.runs)
        elif one.runs is not None:
            studies.append(one.runs)
    return studies + [merged(folder, parts) if len(parts) > 1 else parts[0] for folder, parts in loose.items()]


def merged(folder: Path, parts: Sequence[Study]) -> Study:
    """The runs of several in the place of one study, in a folder; names that are in several have that of their own."""
    often = Counter((run.task.name, run.name) for part in parts for run in part.runs)
    runs = []
    for part in parts:
        for run in part.runs:
            name = run.name if often[run.task.name, run.name] == 1 else f'{run.name} ({part.folder.name})'
            runs.append(dataclasses.replace(run, name=name, where=part.folder.name))
    return dataclasses.replace(
        parts[0],
        folder=folder,
        runs=runs,
        baselines=[row for part in parts for row in part.baselines],
        failed=[item for part in parts for item in part.failed],
        single=False,
    )


def _read(folder: Path) -> Found:
    study = folder_lib.read(folder) if _below(folder, 'rows.jsonl') else None
    if study is not None and study.runs:
        return of(study)
    known = named.read(folder)
    if known is None:
        return Found(folder, folder.resolve().name, '', None)
    return Found(folder, known.title, known.question, None, _command(folder, known))


def _lacks(study: Study) -> bool:
    return any(not failures.word(item) for item in study.failed)


def _command(folder: Path, known: named.Named) -> str:
    knobs = [f'--config.{key}={value}' for key, value in known.overrides.items()]
    knobs += [f'--scale={known.scale}'] if known.scale else []
    return shlex.join(['python', 'launch.py', f'--experiment={known.experiment}', f'--workdir={folder}', *knobs])


def _below(folder: Path, name: str) -> bool:
    """Whether there is such a file in a folder or below it."""
    return next(folder.rglob(name), None) is not None
