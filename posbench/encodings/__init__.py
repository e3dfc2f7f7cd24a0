"""Position encodings: `names()`, and `build(name, **options)`."""

import difflib
import importlib
import importlib.util
import pathlib
import sys

from posbench.encodings import base

FOLDER = pathlib.Path(__file__).parent


def names() -> list[str]:
    """All encodings of this package: the files that define an `Encoding`."""
    return sorted(path.stem for path in FOLDER.glob('*.py') if '\nclass Encoding(' in path.read_text('utf-8'))


def build(name: str, *, module: str | None = None, **options) -> base.PositionEncoding:
    """The encoding called `name`, with its options and the dimensions (width, heads, head_width) it needs.

    `module` is the path of a Python file that defines `Encoding`, for encodings that live outside the package.
    Raises ValueError for an unknown name, TypeError for an unknown option.
    """
    if module is not None:
        return _load(name, pathlib.Path(module)).Encoding(**options)
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1)
        hint = f'did you mean {near[0]!r}? ' if near else ''
        raise ValueError(f'Unknown encoding {name!r}; {hint}There are {names()}.')
    return importlib.import_module(f'posbench.encodings.{name}').Encoding(**options)


def _load(name: str, path: pathlib.Path):
    spec = importlib.util.spec_from_file_location(f'posbench_external_{name}', path)
    if spec is None or not path.is_file():
        raise ValueError(f'Encoding {name!r}: there is no Python file {str(path)!r}.')
    module = importlib.util.module_from_spec(spec)
    # dataclasses look up a class's module by name while they build it.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
