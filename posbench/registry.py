"""What can be chosen by name: one file a thing, found by the class that it defines. One registry for all kinds of them.

ENCODINGS = registry.Registry('encodings', 'Encoding')
ENCODINGS.names()                                   # the files of posbench/encodings that define a class Encoding
ENCODINGS.build('rotary', theta=5e5)
ENCODINGS.build('mine', module='path/to/mine.py')   # from a file outside of the package
"""

import dataclasses
import difflib
import importlib
import importlib.util
import pathlib
import re
import sys
from typing import Any

PACKAGE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass(frozen=True)
class Registry:
    """The things of one room of the package, `folder`: files, in it or in a folder of it, that define `class_name`."""

    folder: str
    class_name: str

    def names(self, package: pathlib.Path = PACKAGE) -> list[str]:
        """Their names: paths of files below the room, without .py. By text, so that no broken file hides the rest."""
        room = package / self.folder
        defines = re.compile(rf'^class {self.class_name}\b'.encode(), re.MULTILINE)
        return sorted(
            path.relative_to(room).with_suffix('').as_posix()
            for path in [*room.glob('*.py'), *room.glob('*/*.py')]
            if path.stem != 'base' and defines.search(path.read_bytes())
        )

    def find(self, name: str, module: str | None = None) -> type:
        """The class called `name`, or that of the file `module`; ValueError names the valid ones."""
        if module is not None:
            return from_file(self.folder, name, module, self.class_name)
        if name not in self.names():
            near = difflib.get_close_matches(name, self.names(), n=1)
            hint = f'did you mean {near[0]!r}? ' if near else ''
            raise ValueError(f'Unknown {self.class_name.lower()} {name!r}; {hint}There are {self.names()}.')
        return getattr(importlib.import_module(f'posbench.{self.folder}/{name}'.replace('/', '.')), self.class_name)

    def build(self, name: str, *, module: str | None = None, **options) -> Any:
        """An instance with these options; ValueError for an unknown name, TypeError for an unknown option."""
        return self.find(name, module)(**options)


def from_file(folder: str, name: str, path: str | pathlib.Path, wanted: str) -> Any:
    """What the Python file `path`, from outside of the package, calls `wanted`; ValueError where there is none.

    `name` is that of the thing, and `folder` the room that it would stand in.
    """
    key, path = f'posbench_external_{folder}_{name}'.replace('/', '_'), pathlib.Path(path)
    spec = importlib.util.spec_from_file_location(key, path)
    if spec is None or not path.is_file():
        raise ValueError(f'{folder}: got {name!r}, for which there is no Python file {str(path)!r}.')
    module = importlib.util.module_from_spec(spec)
    # dataclasses look up a class's module by name while they build it.
    sys.modules[key] = module
    spec.loader.exec_module(module)
    if not hasattr(module, wanted):
        raise ValueError(f'{path}: it defines no {wanted}.')
    return getattr(module, wanted)
