"""The only command: trains and reports a run, runs a study, rebuilds a report, draws the atlas, judges an encoding.

Exit code 0: done. 1: a run failed, or a file is damaged or cannot be written, in one line. 2: a bad flag, config or
folder, in one line. 130 and 143: stopped by Ctrl-C and by SIGTERM; training is saved, and the line says what is kept.
"""

import io
import os
import sys

from posbench import files, interrupts


def main(argv: list[str]) -> int:
    """Runs one command; returns the exit code."""
    # They take half a second, in which an interrupt is to find its handler.
    from posbench.knobs import UsageError, command_line
    from posbench.runs import console, run, study

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
        if request.submit is not None:
            from posbench.runs import submit

            return submit.run(request)
        if request.mode == 'compile':
            from posbench.runs import ahead, ahead_of_study

            return (ahead if request.experiment is None else ahead_of_study).run(request)
        if request.experiment is not None:
            code = study.run(request)
            if request.dry_run and request.scale is not None:
                from posbench.runs import costs

                costs.show(request)
            return code
        return run.run(request)
    except UsageError as error:
        return console.fail(str(error), 2)
    except OSError as error:
        return console.fail(files.in_words(error), 1)


def _to_the_end(argv: list[str]) -> int:
    """`main`, with what it printed out of this process."""
    try:
        code = main(argv)
        sys.stdout.flush()
        return code
    except OSError as error:
        # Nobody reads any more, or the disk that it goes to is full; Python would try again, and print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        from posbench.runs import console

        return console.fail(f'standard output: {error.strerror}', 1)


if __name__ == '__main__':
    interrupts.watch()
    sys.exit(interrupts.over(_to_the_end(sys.argv[1:])))
