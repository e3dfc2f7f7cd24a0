"""The only command: trains and reports one run, runs a study, rebuilds a report, or draws the atlas. See README.md.

Exit code 0: done. 1: a run failed. 2: a bad flag, config or folder, in one line. 143: stopped by SIGTERM, saved.
"""

import io
import sys

from posbench.knobs import UsageError, command_line
from posbench.runs import console, run, study


def main(argv: list[str]) -> int:
    """Runs one command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        # Letters that a terminal or a pipe has no code for are printed as escapes.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')
    try:
        request = command_line.parse(argv)
        if request.help:
            print(command_line.help_text())
            return 0
        if request.report is not None:
            return console.report(request.report, readme=request.readme)
        if request.atlas:
            from posbench.runs import draw

            return draw.run(request)
        if request.experiment is not None:
            return study.run(request)
        return run.run(request)
    except UsageError as error:
        return console.fail(str(error), 2)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
