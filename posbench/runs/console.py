"""What a command says at its end: a report, or one line that says what is wrong; and its exit code."""

import contextlib
import pathlib
import sys


def report(folder: pathlib.Path, readme: pathlib.Path | None = None) -> int:
    """Rebuilds and prints the report of a folder; gives the exit code, 1 where a number in it may be wrong."""
    from posbench import report as reports
    from posbench.report import atlas_page

    try:
        if readme is None and atlas_page.is_atlas(folder):
            print(atlas_page.build(folder))
            return 0
        changed = reports.build(folder, readme=readme).changed
    except reports.ReportError as error:
        return fail(str(error), 2)
    for line in changed:
        fail(line, 1)
    return 1 if changed else 0


def fail(message: str, code: int) -> int:
    """Prints one line to stderr, if anything can be written there; returns the exit code."""
    with contextlib.suppress(OSError):
        print(f'launch.py: {" ".join(message.split())}', file=sys.stderr, flush=True)
    return code
