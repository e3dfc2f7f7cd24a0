"""The only command: trains and reports one run, runs a study, rebuilds a report, or draws the atlas. See README.md.

Exit code 0: done. 1: a run failed. 2: a bad flag, config or folder, in one line. 143: stopped by SIGTERM, saved.
"""

import contextlib
import pathlib
import sys

from posbench.devices import host
from posbench.knobs import command_line
from posbench.knobs.kinds import UsageError
from posbench.runs import workdir


def main(argv: list[str]) -> int:
    """Runs one command; returns the exit code."""
    try:
        request = command_line.parse(argv)
        if request.help:
            print(command_line.help_text())
            return 0
        if request.report is not None:
            return report(request.report, readme=request.readme)
        if request.atlas:
            return atlas(request)
        if request.experiment is not None:
            from posbench.runs import study

            return study.run(request)
        return run(request)
    except UsageError as error:
        return fail(str(error), 2)


def run(request: command_line.Request) -> int:
    """One run, in its folder, which no other process may use meanwhile."""
    host.prepare(request.devices)
    first = True
    if request.config.distributed or (request.config.distributed is None and host.in_cluster()):
        from posbench.devices import parallel

        first = parallel.initialize()
    if request.mode == 'params' or not first:
        # The table of parameters needs no folder; the first process of several has opened theirs.
        opened = contextlib.nullcontext(request.workdir)
    else:
        # Only training may start a run.
        resume = request.resume if request.mode == 'train' else 'must'
        opened = workdir.open_workdir(request.workdir, request.config, resume)
    with opened as folder:
        if request.mode == 'train' and workdir.is_done(folder):
            if not first:
                return 0
            print(f'{folder}: this run is done; here is its report.')
            return report(folder)

        from posbench.runs import run

        code = run.run(request, folder, fail=fail)
        return report(folder) if code == 0 and first and request.mode in ('train', 'evaluate') else code


def atlas(request: command_line.Request) -> int:
    """What every encoding looks like, and its facts, on one page."""
    # One device each: nothing here is split.
    host.prepare(devices=1)
    from posbench.atlas import rows

    rows.write(request.workdir, request.config, request.config_name, processes=host.cores(), quiet=request.quiet)
    return report(request.workdir)


def report(folder: pathlib.Path, readme: pathlib.Path | None = None) -> int:
    """Rebuilds and prints the report of a folder."""
    from posbench import report as reports
    from posbench.report import atlas as atlases

    try:
        if readme is None and atlases.is_atlas(folder):
            print(atlases.build(folder))
        else:
            reports.build(folder, readme=readme)
    except reports.ReportError as error:
        return fail(str(error), 2)
    return 0


def fail(message: str, code: int) -> int:
    """Prints one line to stderr; returns the exit code."""
    print(f'launch.py: {message}', file=sys.stderr)
    return code


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
