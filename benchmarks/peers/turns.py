"""Processes that take turns: each makes its subject once, and then measures it whenever it is told to.

What imports, compiles or allocates does so once, while no other works; then the subjects are measured in turn, round
after round, so that a machine that is busy is busy for all of them. A process that waits uses no core.
"""

import concurrent.futures
import dataclasses
import importlib
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any

from posbench.devices import host

ROOT = pathlib.Path(__file__).parents[2]
PACKAGES = ('jax', 'flax', 'torch', 'x-transformers', 'transformers', 'dm-haiku', 'gensim')


class Missing(RuntimeError):
    """What a subject needs is not here; the line says what."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """A function of this package that measures something, by its module and name, and what it is called with.

    It is called as function(report, **options): `report` sends a dict and comes back when it is this subject's turn.
    The first dict says what came before the first turn; each other one has at least `seconds`, of one unit of work.
    """

    name: str
    module: str
    function: str
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    # Where it runs: None is the interpreter that runs this one.
    python: str | None = None
    # Cores that it may use; None: all.
    cores: int | None = None
    environment: dict[str, str] = dataclasses.field(default_factory=dict)


class Clock:
    """Seconds on the wall, and of all cores that this process used, since it was made."""

    def __init__(self):
        self._wall, self._cores = time.perf_counter(), time.process_time()

    def read(self, units: float = 1) -> dict[str, float]:
        """Both, for each of `units`."""
        wall, cores = time.perf_counter() - self._wall, time.process_time() - self._cores
        return dict(seconds=wall / units, core_seconds=cores / units)


class Process:
    """A subject in a process of its own, made ready; `before` is what it said then, None where it cannot run."""

    def __init__(self, subject: Subject):
        self.subject, self.turns, started = subject, [], time.perf_counter()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (it is read after the process ended)
        command = [subject.python or sys.executable, '-m', 'benchmarks.peers.turns', json.dumps(_call(subject))]
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True)
        self._process = subprocess.Popen(command, cwd=ROOT, env=os.environ | subject.environment, **pipes)
        self.problem: str | None = None
        self.before = self._answer()
        self.started = time.perf_counter() - started

    def turn(self) -> None:
        """Measures once more."""
        if self.problem is None:
            self._process.stdin.write('go\n')
            self._process.stdin.flush()
            if (answer := self._answer()) is not None:
                self.turns.append(answer)

    def close(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answer(self) -> dict | None:
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else dict(problem=self._failure())
        self.problem = answer.get('problem')
        return None if self.problem else answer

    def _failure(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors='replace').strip().splitlines()
        return f'failed with exit code {code}: {said[-1][:200] if said else "nothing was said"}'


def take(subjects: Sequence[Subject], rounds: int, *, at_once: int = 1) -> list[dict]:
    """One row a subject: medians over the rounds of all that it measured, with `low` and `high` of the seconds.

    A subject that cannot be measured has a `problem` instead. `at_once`: so many are made ready at the same time.
    """
    processes: list[Process] = []
    try:
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            processes += pool.map(Process, subjects)
        for _ in range(rounds):
            for process in processes:
                process.turn()
    finally:
        for process in processes:
            process.close()
    return [_row(process.subject, process.turns, process.problem, process.before or {}) for process in processes]


def start(subjects: Sequence[Subject], rounds: int) -> list[dict]:
    """The same of what comes before the first turn, by processes that are started anew in each round.

    `seconds` are those from the start of the process, where it does not say them.
    """
    said: list[list[dict]] = [[] for _ in subjects]
    problems: list[str | None] = [None for _ in subjects]
    for _ in range(rounds):
        for number, subject in enumerate(subjects):
            if problems[number] is None:
                process = Process(subject)
                process.close()
                problems[number] = process.problem
                said[number].append(dict(seconds=process.started) | (process.before or {}))
    return [_row(*of_one, {}) for of_one in zip(subjects, said, problems)]


def _row(subject: Subject, measured: list[dict], problem: str | None, before: dict) -> dict:
    row = dict(subject=subject.name)
    if problem is not None or not measured:
        return row | dict(problem=problem or 'was not measured')
    medians = {key: statistics.median(one[key] for one in measured) for key in measured[0]}
    seconds = [one['seconds'] for one in measured]
    return row | before | medians | dict(low=min(seconds), high=max(seconds), rounds=len(seconds))


def _call(subject: Subject) -> dict:
    return dict(module=subject.module, function=subject.function, options=subject.options, cores=subject.cores)


def machine() -> str:
    """The processor, its cores, and the packages that are installed here."""
    info = pathlib.Path('/proc/cpuinfo')
    models = [line.partition(':')[2].strip() for line in _lines(info) if line.startswith('model name')]
    installed = []
    for package in PACKAGES:
        try:
            installed.append(f'{package} {metadata.version(package)}')
        except metadata.PackageNotFoundError:
            continue
    return f'{host.cores()} cores of {models[0] if models else platform.machine()}; {", ".join(installed)}'


def _lines(path: pathlib.Path) -> list[str]:
    return path.read_text('utf-8').splitlines() if path.exists() else []


def _report(out) -> Callable[[dict], None]:
    """Sends what it is given, and waits for the next turn; the process ends where there is none."""

    def report(measured: dict) -> None:
        # Of Linux, in KiB.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        out.write(json.dumps(measured | dict(peak_mib=peak)) + '\n')
        out.flush()
        if not sys.stdin.readline():
            sys.exit(0)

    return report


def main() -> None:
    """One subject, as its process runs it."""
    asked = json.loads(sys.argv[1])
    if asked['cores'] is not None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: asked['cores']])
    # What libraries print goes to the errors, so that only answers are read as answers.
    out = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)
    try:
        function = getattr(importlib.import_module(asked['module']), asked['function'])
        function(_report(out), **asked['options'])
    except (Missing, ModuleNotFoundError) as error:
        out.write(json.dumps(dict(problem=f'not run: {error}')) + '\n')


if __name__ == '__main__':
    main()
