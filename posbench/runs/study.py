"""A study: the runs of an experiment, each in a process and a folder of its own, skipped when done.

Stopped or killed at any moment and started again, it goes on where it was: every run resumes from its own checkpoints.
"""

import fnmatch
import hashlib
import json
import shlex
import signal
import time
from pathlib import Path

from posbench.files import write_atomically
from posbench.knobs.kinds import UsageError
from posbench.knobs.user_file import ROOT
from posbench.report import named
from posbench.runs import console, experiment, locks, plan, process, workdir
from posbench.runs.experiment import Experiment, Run
from posbench.runs.plan import Planned

__all__ = ['Run', 'run']

# Seconds between two looks at a run that another process is at work in.
PATIENCE = 1.0


def run(request) -> int:
    """Runs what is not done, then the claims and the report; 1 if a run failed, the others having finished.

    Nothing is run before all is checked: the experiment, the configs of all runs, and the folders of those asked for.
    After SIGTERM or SIGINT the run under way has saved, and the code is 128 more than the signal's number.
    """
    source = experiment.load(request.experiment)
    runs = plan.make(source, request)
    chosen = _chosen(runs, request)
    if request.dry_run:
        for one in chosen:
            print(f'{one.name}: {shlex.join(["python", *one.command[1:]])}')
        return 0
    with locks.usable(request.workdir, 'the folder of a study'):
        request.workdir.mkdir(parents=True, exist_ok=True)
    with locks.held(request.workdir / _lock(request), 'is running this study'):
        plan.check_folders(chosen)
        with locks.usable(request.workdir, 'the folder of a study'):
            plan.write(request.workdir, source, runs, request.overrides)
        with process.Runner() as runner:
            work = _Work(chosen, runner, request.quiet)
            work.do()
        if runner.stopped_by is not None:
            return console.fail(work.stopped_at(), 128 + runner.stopped_by)
        _conclude(source, request.workdir, runs)
    return 1 if work.failed else 0


def _chosen(runs: list[Planned], request) -> list[Planned]:
    """The runs of this part of the study whose names fit; with more parts than runs some have none."""
    fitting = [one for one in runs if request.only is None or fnmatch.fnmatchcase(one.name, request.only)]
    if not fitting:
        names = ', '.join(one.name for one in runs)
        raise UsageError(f'--only={request.only}: no run of {request.experiment} has such a name. Runs: {names}')
    index, count = request.shard
    return fitting[index::count]


def _lock(request) -> str:
    """The file of which one process at a time is at work on these runs; those of other parts work side by side."""
    index, count = request.shard
    only = '' if request.only is None else '.' + hashlib.sha256(request.only.encode()).hexdigest()[:8]
    return f'.lock.{index}-of-{count}{only}'


class _Work:
    """Runs one after the other; those that another process is at work in come last, when it has ended."""

    def __init__(self, runs: list[Planned], runner: process.Runner, quiet: bool):
        self.failed = 0
        self._runs, self._runner, self._quiet = runs, runner, quiet
        self._last = None

    def do(self) -> None:
        """Brings all runs to their end, unless a signal comes."""
        others = [one for one in self._runs if not self._stopped and not self._finish(one)]
        for one in others:
            while not self._stopped and not self._finish(one, wait=True):
                pass

    def stopped_at(self) -> str:
        """Where a signal stopped the work, in one line."""
        done = sum(one.is_done for one in self._runs)
        where = f' in {self._last}' if self._last else ''
        return (
            f'{self._runner.stopped_by.name}: stopped{where}, {done} of {len(self._runs)} runs are done; '
            'the same command goes on from there.'
        )

    @property
    def _stopped(self) -> bool:
        return self._runner.stopped_by is not None

    def _say(self, *words: str, end: str = '\n') -> None:
        if not self._quiet:
            print(*words, end=end, flush=True)

    def _finish(self, one: Planned, wait: bool = False) -> bool:
        """Whether a run has come to its end, good or bad; not where another process is at work in its folder.

        `wait` waits for that process first.
        """
        label, failure = f'[{self._runs.index(one) + 1}/{len(self._runs)}] {one.name}', one.folder / 'failed.json'
        if one.is_done:
            failure.unlink(missing_ok=True)
            self._say(f'{label}: done before')
            return True
        if number := locks.holder(one.folder / workdir.LOCK):
            then = 'waiting for its end' if wait else 'the others first'
            self._say(f'{label}: process {number} is at work in it; {then}')
            while wait and not self._stopped and locks.holder(one.folder / workdir.LOCK):
                time.sleep(PATIENCE)
            return False
        one.folder.mkdir(parents=True, exist_ok=True)
        failure.unlink(missing_ok=True)
        self._say(f'{label} ...', end=' ')
        self._last, begun = one.name, time.perf_counter()
        with (one.folder / 'log.txt').open('ab') as log:
            before = log.tell()
            code = self._runner.run([*one.command, *plan.flags(one)], ROOT, log)
        took, reason = f'after {time.perf_counter() - begun:.0f} s', _last_words(one.folder / 'log.txt', before, code)
        if code == 0 and one.is_done:
            self._last = None
            self._say(f'exit 0 {took}')
        elif self._stopped:
            self._say(f'stopped {took}: {reason}')
        elif number := locks.holder(one.folder / workdir.LOCK):
            self._say(f'process {number} is at work in it')
            return False
        else:
            self.failed += 1
            self._last = None
            self._say(f'exit {code} {took}: {reason}')
            write_atomically(failure, json.dumps(dict(run=one.name, reason=reason)))
        return True


def _last_words(log: Path, start: int, code: int) -> str:
    """What a process said last, or what ended it where it could say nothing."""
    lines = log.read_bytes()[start:].decode('utf-8', 'replace').strip().splitlines()
    words = lines[-1].removeprefix('launch.py: ') if lines else 'no output'
    if code >= 0:
        return words if code else f'it left no rows of this config and its last step; it said last: {words}'
    return f'ended by {signal.Signals(-code).name}; it said last: {words}'


def _conclude(source: Experiment, folder: Path, runs: list[Planned]) -> None:
    """The verdicts on what the study names and has, and its report."""
    from posbench import report
    from posbench.report import folder as folder_lib

    (folder / 'claims.json').unlink(missing_ok=True)
    if not any(one.is_done for one in runs):
        return
    try:
        found = folder_lib.read(folder)
        rows = [row for one in found.runs for row in one.rows] + found.baselines
        try:
            verdicts = source.claims(rows)
            if source.judge is not None:
                judged = dict(rows=named.digest(folder, found.runs), claims=verdicts)
                write_atomically(folder / 'claims.json', json.dumps(judged, indent=2) + '\n')
                if not verdicts:
                    print('Claims: none was judged, because rows that they are about are missing.')
        finally:
            report.build(folder)
    except report.ReportError as error:
        raise UsageError(str(error)) from None
