"""Run a Python file that a person wrote (a config, an experiment) and say in one line what is wrong with it."""

import contextlib
import pathlib
import runpy
import sys
import traceback
from collections.abc import Collection, Iterator
from typing import Any

from posbench.knobs.kinds import UsageError

PACKAGE = pathlib.Path(__file__).resolve().parents[1]
ROOT = PACKAGE.parent
_LACKS = (
    'its parameters are not there when a hook is called; wanted self.param in setup(), or submodules made in setup() '
    'that declare() calls once'
)
# Kind of an error of another package, whose own words help nobody here -> what is wrong.
IN_OUR_WORDS = dict.fromkeys(('ScopeCollectionNotFound', 'ScopeParamNotFoundError'), _LACKS)


def call(path: str | pathlib.Path, function: str) -> Any:
    """What `function()` of the file at `path` returns. Raises UsageError as `load` does."""
    names = load(path)
    if not callable(names.get(function)):
        raise UsageError(f'{path}: it defines no function {function}()')
    with naming(path):
        return names[function]()


def load(path: str | pathlib.Path) -> dict[str, Any]:
    """The names that the file at `path` defines.

    The file may live anywhere; the repository root is importable in it, so `from configs import default` works.
    Raises UsageError, with file, line and exception, whatever goes wrong inside.
    """
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    with naming(path):
        # Compiled afresh on every call: a cached .pyc of a file that was edited within a second would be stale.
        return runpy.run_path(str(path))


@contextlib.contextmanager
def naming(path: str | pathlib.Path) -> Iterator[None]:
    """UsageError, with file, line and exception, for whatever the code of the file at `path` raises in the block."""
    try:
        yield
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f'{_place(str(path), error)}: {sentence(error)}') from None


def modules(config: dict[str, Any]) -> list[str]:
    """The files from outside of the package that a resolved config, nested dicts, names."""
    found = []
    for key, value in config.items():
        if isinstance(value, dict):
            found += modules(value)
        elif key == 'module' and value is not None:
            found.append(value)
    return list(dict.fromkeys(found))


def blame(error: BaseException, paths: Collection[str]) -> str | None:
    """File, line and exception where one of these files raised an error or called what did: their innermost line.

    None where it was raised by neither them nor what they called.
    """
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in paths]
    places = [f'{frame.filename}:{frame.lineno}' for frame in frames]
    if isinstance(error, SyntaxError) and error.filename in paths:
        places.append(f'{error.filename}:{error.lineno}')
    return f'{places[-1]}: {sentence(error)}' if places else None


def explain(error: BaseException, paths: Collection[str]) -> str | None:
    """The line for an error that came up while a run was put together; None where the package itself is wrong.

    The package refuses by a ValueError, whose message is for the user. Anything else is due to the files of the user's
    that take part, if there are any: what they returned has another shape or type than was asked for.
    """
    if line := blame(error, paths):
        return line
    raised_in = pathlib.Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    if isinstance(error, ValueError) and (not paths or raised_in.is_relative_to(PACKAGE)):
        return str(error)
    return f'{", ".join(paths)}: no model can be made with it: {sentence(error)}' if paths else None


def sentence(error: BaseException, limit: int = 400) -> str:
    """The kind of an error and its message, in one line of at most `limit` characters."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    text = IN_OUR_WORDS.get(type(error).__name__, text)
    line = ' '.join(f'{type(error).__name__}: {text}'.removesuffix(': ').split())
    return line if len(line) <= limit else line[: limit - 3] + '...'


def _place(path: str, error: BaseException) -> str:
    """file:line where the file itself went wrong; the innermost line of it, if it called other code."""
    if isinstance(error, SyntaxError):
        return f'{error.filename or path}:{error.lineno}' if error.lineno else path
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return f'{path}:{lines[-1]}' if lines else path
