"""What a command says at its end: a report, or one line that says what is wrong; and its exit code."""

import pathlib
import sys


def report(folder: pathlib.Path, readme: pathlib.Path | None = None) -> int:
    """Rebuilds and prints the report of a folder."""
    from posbench import report as reports
    from posbench.report import atlas_page

    try:
        if readme is None and atlas_page.is_atlas(folder):
            print(atlas_page.build(folder))
        else:
            reports.build(folder, readme=readme)
    except reports.ReportError as error:
        return fail(str(error), 2)
    return 0


def fail(message: str, code: int) -> int:
    """Prints one line to stderr; returns the exit code."""
    print(f'launch.py: {" ".join(message.split())}', file=sys.stderr)
    return code
