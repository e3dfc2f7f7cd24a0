"""A study: the runs of an experiment, each in a process and a folder of its own, skipped when done.

Stopped or killed at any moment and started again, it goes on where it was: every run resumes from its own checkpoints.
"""

import dataclasses
import fnmatch
import hashlib
import json
import shlex
from pathlib import Path

from posbench.devices import cluster
from posbench.files import write_atomically
from posbench.knobs.kinds import UsageError
from posbench.report import named
from posbench.runs import console, executors, experiment, live, locks, plan
from posbench.runs.experiment import Experiment, Run
from posbench.runs.plan import Planned
from posbench.runs.work import Work

__all__ = ['Run', 'run']


def run(request) -> int:
    """Runs what is not done, then the claims and the report; 1 if a run failed, the others having finished.

    Nothing is run before all is checked: the experiment, the configs of all runs, and the folders of those asked for.
    After SIGTERM or SIGINT the runs under way have saved, and the code is 128 more than the signal's number.
    """
    request = _of_this_process(request)
    return go(*planned(request), request)


def _of_this_process(request):
    """The request of a study that several processes are at work on: each has its part of the runs, to itself.

    So runs, too, are spread over the machines of a cluster, and say nothing to each other. A run that wants all of them
    is a command of its own; --dry_run prints it.
    """
    part = None if request.dry_run else cluster.part()
    if part is None:
        return request
    index, count = part
    if request.shard != (0, 1):
        raise UsageError(
            f'--shard={request.shard[0]}/{request.shard[1]}: got a part of the study and {count} processes, which are '
            'its parts themselves; wanted one of the two'
        )
    if request.overrides.get('distributed', '').lower() == 'true':
        raise UsageError(
            f'config.distributed: got true for a study of {count} processes, each of which has runs of its own; wanted '
            'it left out, or the commands of --dry_run'
        )
    cluster.leave()
    return dataclasses.replace(request, shard=(index, count))


def go(source: Experiment, runs: list[Planned], chosen: list[Planned], request) -> int:
    """`run`, of an experiment that is there, and those of its runs that are asked for."""
    executors.options(request)
    if request.dry_run:
        for one in chosen:
            print(f'{one.name}: {shlex.join(["python", *one.command[1:]])}')
        return 0
    executor = executors.build(request)
    with locks.usable(request.workdir, 'the folder of a study'):
        request.workdir.mkdir(parents=True, exist_ok=True)
    with locks.held(request.workdir / _lock(request), 'is running this study'):
        plan.check_folders(chosen)
        with locks.usable(request.workdir, 'the folder of a study'):
            plan.write(request.workdir, source, runs, request.overrides)
        with executor:
            work = Work(runs, chosen, executor, live.of(request.quiet), request, lambda: _is_shared(request))
            work.do()
        if executor.runner.stopped_by is not None:
            return console.fail(work.stopped_at(), 128 + executor.runner.stopped_by)
        _conclude(source, request.workdir, runs)
    return 1 if work.failed else 0


def planned(request) -> tuple[Experiment, list[Planned], list[Planned]]:
    """The experiment, all its runs, and those asked for. UsageError, one line, where one of all is wrong."""
    source = experiment.load(request.experiment, request.scale)
    runs = plan.make(source, request)
    return source, runs, _chosen(runs, request)


def _chosen(runs: list[Planned], request) -> list[Planned]:
    """The runs of this part of the study whose names fit; with more parts than runs some have none."""
    fitting = [one for one in runs if request.only is None or fnmatch.fnmatchcase(one.name, request.only)]
    if not fitting:
        names = ', '.join(one.name for one in runs)
        raise UsageError(f'--only={request.only}: no run of {request.experiment} has such a name. Runs: {names}')
    index, count = request.shard
    return fitting[index::count]


def _is_shared(request) -> bool:
    """Whether another process is at work on another part of the study."""
    mine = _lock(request)
    return any(locks.holder(file) for file in request.workdir.glob('.lock.*') if file.name != mine)


def _lock(request) -> str:
    """The file of which one process at a time is at work on these runs; those of other parts work side by side."""
    index, count = request.shard
    only = '' if request.only is None else '.' + hashlib.sha256(request.only.encode()).hexdigest()[:8]
    return f'.lock.{index}-of-{count}{only}'


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
