"""Run a Python file that a person wrote (a config, an experiment) and say in one line what is wrong with it."""

import pathlib
import runpy
import sys
import traceback
from typing import Any

from posbench.knobs.kinds import UsageError

ROOT = pathlib.Path(__file__).resolve().parents[2]


def call(path: str | pathlib.Path, function: str) -> Any:
    """What `function()` of the file at `path` returns.

    The file may live anywhere; the repository root is importable in it, so `from configs import default` works.
    Raises UsageError, with file, line and exception, whatever goes wrong inside.
    """
    path = str(path)
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    try:
        # Compiled afresh on every call: a cached .pyc of a file that was edited within a second would be stale.
        names = runpy.run_path(path)
        if callable(names.get(function)):
            return names[function]()
    except (Exception, SystemExit) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f'{_place(path, error)}: {type(error).__name__}: {_message(error)}') from None
    raise UsageError(f'{path}: it defines no function {function}()')


def _message(error: BaseException) -> str:
    return error.msg if isinstance(error, SyntaxError) else str(error)


def _place(path: str, error: BaseException) -> str:
    """file:line where the file itself went wrong; the innermost line of it, if it called other code."""
    if isinstance(error, SyntaxError):
        return f'{error.filename or path}:{error.lineno}' if error.lineno else path
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return f'{path}:{lines[-1]}' if lines else path
