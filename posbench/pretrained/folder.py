"""A folder in Hugging Face layout: config.json, and weights in model.safetensors or in the files of its index."""

import json
import pathlib
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import safetensors

from posbench.knobs import kinds

REQUIRED = object()
RENAMED = {'gamma': 'weight', 'beta': 'bias'}


class Settings:
    """config.json, asked for one setting at a time. Errors are ValueErrors of one line."""

    def __init__(self, values: dict[str, Any], path: str = 'config.json'):
        self.values, self.path = values, path

    def take(self, name: str, default: Any = REQUIRED) -> Any:
        """The value of a setting; null counts as missing."""
        value = self.values.get(name)
        if value is not None:
            return value
        if default is REQUIRED:
            near = kinds.nearest(name, [key for key, value in self.values.items() if value is not None])
            hint = f'; did you mean {near!r}?' if near else ''
            raise ValueError(f'{self.path}: there is no {name!r}{hint}')
        return default

    def number(self, name: str, default: Any = REQUIRED) -> int | None:
        """A whole number of at least 1, or the default."""
        value = self.take(name, default)
        if value is not default and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            raise ValueError(f'{self.path}: got {name}={kinds.show(value)}, wanted a whole number of at least 1')
        return value

    def real(self, name: str, default: Any = REQUIRED) -> float | None:
        """A number above 0, or the default."""
        value = self.take(name, default)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not default and not (number and value > 0):
            raise ValueError(f'{self.path}: got {name}={kinds.show(value)}, wanted a number above 0')
        return value

    def one_of(self, name: str, supported: Iterable, default: Any = REQUIRED) -> Any:
        """The value of a setting that posbench cannot follow everywhere."""
        value, supported = self.take(name, default), list(supported)
        if value not in supported:
            near = kinds.nearest(value, [str(known) for known in supported]) if isinstance(value, str) else None
            hint = f'; did you mean {near!r}?' if near else ''
            wanted = ' or '.join(repr(known) for known in supported)
            raise ValueError(f'{self.path}: got {name}={kinds.show(value)}, wanted {wanted}{hint}')
        return value


class Weights:
    """Weights by name, read when they are taken; what nobody took is an error in the end.

    Without `values` only names and shapes are read, and all weights are zeros.
    """

    def __init__(self, files: dict[str, pathlib.Path], values: bool = True):
        self._files, self._values = files, values
        # The name that is asked for -> the name in the file.
        # Norms of older files have a gamma and a beta.
        self._names = {
            re.sub(r'(?<=LayerNorm\.)(gamma|beta)$', lambda old: RENAMED[old[0]], name): name for name in files
        }
        self._open, self._left = {}, set(files)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def remove_prefix(self, prefix: str) -> None:
        """Names that begin with `prefix` are asked for without it from now on."""
        self._names = {name.removeprefix(prefix): stored for name, stored in self._names.items()}

    def ignore(self, pattern: str) -> None:
        """Weights whose whole name fits the regular expression need not be taken."""
        self._left -= {stored for name, stored in self._names.items() if re.fullmatch(pattern, name)}

    def take(self, name: str, *shape: int) -> np.ndarray:
        """float32, of that shape. ValueError for a missing weight and for one of another shape."""
        if name not in self._names:
            near = kinds.nearest(name, self._names)
            hint = f'; did you mean {near!r}?' if near else ''
            raise ValueError(f'weights: there is no {name!r}{hint}')
        stored = self._names[name]
        file = self._file(self._files[stored])
        got = tuple(file.get_slice(stored).get_shape())
        if got != shape:
            raise ValueError(f'weights: got {name!r} of shape {got}, wanted {shape} by config.json')
        self._left.discard(stored)
        return file.get_tensor(stored).astype(np.float32) if self._values else np.zeros(shape, np.float32)

    def _file(self, path: pathlib.Path):
        if path not in self._open:
            self._open[path] = _open(path)
        return self._open[path]

    def finish(self) -> None:
        """ValueError where weights were not taken: they would be missed in what the model computes."""
        if self._left:
            names = sorted(self._left)
            more = f' and {len(names) - 5} more' if len(names) > 5 else ''
            raise ValueError(f'weights: got {", ".join(map(repr, names[:5]))}{more}, which this architecture has not')


def read(path: str | pathlib.Path, values: bool = True) -> tuple[Settings, Weights]:
    """The settings of a model and its weights, not yet read. ValueError, one line, for what cannot be read.

    `values`: see Weights.
    """
    path = pathlib.Path(path)
    if not path.is_dir():
        raise ValueError(f'{path}: there is no such folder')
    if not (path / 'config.json').is_file():
        raise ValueError(f'{path}: there is no config.json, wanted a folder in Hugging Face layout')
    settings = Settings(_json(path / 'config.json'))
    single, index = path / 'model.safetensors', path / 'model.safetensors.index.json'
    if single.is_file():
        files = dict.fromkeys(_open(single).keys(), single)
    elif index.is_file():
        files = {name: path / pathlib.Path(file).name for name, file in _json(index).get('weight_map', {}).items()}
        if missing := sorted({file.name for file in files.values() if not file.is_file()}):
            raise ValueError(f'{path}: there is no {missing[0]}, which {index.name} names')
    else:
        raise ValueError(f'{path}: there is no {single.name} and no {index.name}')
    return settings, Weights(files, values)


def _json(path: pathlib.Path) -> dict:
    try:
        values = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from None
    if not isinstance(values, dict):
        raise ValueError(f'{path}: got {kinds.show(values)}, wanted an object in JSON')
    return values


def _open(path: pathlib.Path):
    try:
        return safetensors.safe_open(path, framework='np')
    except safetensors.SafetensorError as error:
        raise ValueError(f'{path}: {error}') from None
