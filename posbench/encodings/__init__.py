"""Position encodings: `names()`, and `build(name, **options)`."""

import dataclasses
import pathlib

from posbench import registry
from posbench.encodings import base

FOLDER = pathlib.Path(__file__).parent
ENCODINGS = registry.Registry('encodings', 'Encoding')
names = ENCODINGS.names


def build(name: str, *, module: str | None = None, **options) -> base.PositionEncoding:
    """The encoding called `name`, with its options and the dimensions (width, heads, head_width) it needs.

    An option that is an encoding itself is a name, or dict(name=..., its options); so is its default.
    `module` is the path of a Python file that defines `Encoding`, for encodings that live outside the package.
    Raises ValueError for an unknown name or a method that is @nn.compact, TypeError for an unknown option.
    """
    encoding = ENCODINGS.find(name, module)
    for method, defined in vars(encoding).items():
        if getattr(defined, 'compact', False):
            raise ValueError(
                f'{name}: {method} is @nn.compact, wanted parameters and submodules in setup(), because hooks are '
                'called one by one'
            )
    for field in dataclasses.fields(encoding):
        if field.type == base.Nested:
            options[field.name] = _inner(options.get(field.name, field.default))
    return encoding(**options)


def _inner(value) -> base.PositionEncoding:
    if isinstance(value, base.PositionEncoding):
        return value
    return build(value) if isinstance(value, str) else build(**value)
