"""Position encodings: `names()`, and `build(name, **options)`."""

import dataclasses
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

    An option that is an encoding itself is a name, or dict(name=..., its options); so is its default.
    `module` is the path of a Python file that defines `Encoding`, for encodings that live outside the package.
    Raises ValueError for an unknown name, TypeError for an unknown option.
    """
    if module is not None:
        encoding = _load(name, pathlib.Path(module)).Encoding
    elif name in names():
        encoding = importlib.import_module(f'posbench.encodings.{name}').Encoding
    else:
        near = difflib.get_close_matches(name, names(), n=1)
        hint = f'did you mean {near[0]!r}? ' if near else ''
        raise ValueError(f'Unknown encoding {name!r}; {hint}There are {names()}.')
    for field in dataclasses.fields(encoding):
        if field.type == base.Nested:
            options[field.name] = _inner(options.get(field.name, field.default))
    return encoding(**options)


def _inner(value) -> base.PositionEncoding:
    if isinstance(value, base.PositionEncoding):
        return value
    return build(value) if isinstance(value, str) else build(**value)


def _load(name: str, path: pathlib.Path):
    spec = importlib.util.spec_from_file_location(f'posbench_external_{name}', path)
    if spec is None or not path.is_file():
        raise ValueError(f'Encoding {name!r}: there is no Python file {str(path)!r}.')
    module = importlib.util.module_from_spec(spec)
    # dataclasses look up a class's module by name while they build it.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
