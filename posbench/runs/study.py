"""A study: its runs as data, each in a process and a folder of its own, skipped when done.

An experiment is a Python file whose docstring states the question and the claims, with

    runs() -> list[Run]                 what to run
    claims(rows) -> list[dict]          claim, verdict (PASS or FAIL) and evidence, from the rows of all runs

Killed at any moment and started again, it goes on where it was: every run resumes from its own checkpoints.
"""

import fnmatch
import importlib.util
import json
import os
import pathlib
import shlex
import subprocess
import sys
import time
from typing import NamedTuple

from posbench.files import write_atomically
from posbench.knobs.kinds import UsageError
from posbench.runs import workdir

ROOT = pathlib.Path(__file__).parents[2]


class Run(NamedTuple):
    """One run of a study: a config file (relative to the repository), knobs that differ from it, and what rows call it.

    `{study}` in a knob stands for the folder of the study, so that a run may start from the weights of one before it.
    """

    name: str
    config: str
    overrides: dict[str, str]


def run(request) -> int:
    """Runs what is not done, then the claims and the report; 1 if a run failed, the others having finished."""
    experiment = load(request.experiment)
    index, count = request.shard
    runs = [one for one in experiment.runs() if request.only is None or fnmatch.fnmatch(one.name, request.only)]
    if not runs:
        names = ', '.join(one.name for one in experiment.runs())
        raise UsageError(f'--only={request.only}: no run of {request.experiment} has such a name. Runs: {names}')
    # With more parts than runs some parts have none, and nothing to do.
    runs = runs[index::count]
    if request.dry_run:
        for one in runs:
            print(f'{one.name}: {shlex.join(["python", *_command(one, request)[1:]])}')
        return 0
    failed = 0
    for number, one in enumerate(runs, start=1):
        folder = request.workdir / one.name
        if workdir.is_done(folder):
            (folder / 'failed.json').unlink(missing_ok=True)
            print(f'[{number}/{len(runs)}] {one.name}: done before')
            continue
        failed += not _finish(one, folder, request, f'[{number}/{len(runs)}]')
    _conclude(experiment, request.workdir)
    return 1 if failed else 0


def load(path: pathlib.Path):
    """The experiment's module; UsageError where it has no runs()."""
    spec = importlib.util.spec_from_file_location(f'experiment_{path.stem}', path)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(ROOT))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f'{path}: it cannot be loaded: {type(error).__name__}: {error}') from None
    if not hasattr(module, 'runs'):
        raise UsageError(f'{path}: it has no runs(), which gives the runs of a study')
    return module


def _finish(one: Run, folder: pathlib.Path, request, number: str) -> bool:
    """Runs one process to its end; a failure is written down and does not stop the study."""
    print(f'{number} {one.name} ...', end=' ', flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    with (folder / 'log.txt').open('a', encoding='utf-8') as log:
        done = subprocess.run(_command(one, request), cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
    print(f'exit {done.returncode} after {time.perf_counter() - begun:.0f} s', flush=True)
    failure = folder / 'failed.json'
    failure.unlink(missing_ok=True)
    if done.returncode == 0:
        return True
    lines = (folder / 'log.txt').read_text('utf-8', 'replace').strip().splitlines()
    write_atomically(failure, json.dumps(dict(run=one.name, reason=lines[-1] if lines else 'no output')))
    return False


def _command(one: Run, request) -> list[str]:
    # Paths as seen from the repository: what a run records about itself then holds for any machine.
    folder = os.path.relpath(request.workdir / one.name, ROOT)
    command = [sys.executable, 'launch.py', f'--config={one.config}']
    study = os.path.relpath(request.workdir, ROOT)
    command += [f'--config.{key}={value.replace("{study}", study)}' for key, value in one.overrides.items()]
    command += [f'--config.experiment={request.experiment.stem}', f'--workdir={folder}']
    return command + ([f'--devices={request.devices}'] if request.devices else [])


def _conclude(experiment, folder: pathlib.Path) -> None:
    from posbench import report
    from posbench.report.rows import read

    rows = [row for path in sorted(folder.glob('*/rows.jsonl')) for row in read(path)]
    if not rows:
        return
    if hasattr(experiment, 'claims'):
        verdicts = experiment.claims(rows)
        write_atomically(folder / 'claims.json', json.dumps(verdicts, indent=2) + '\n')
        if not verdicts:
            print('Claims: none was judged, because rows that they are about are missing.')
    try:
        report.build(folder)
    except report.ReportError as error:
        raise UsageError(str(error)) from None
