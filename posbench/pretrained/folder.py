"""A folder in Hugging Face layout: config.json, and weights in model.safetensors or in the files of its index.

Weights are floating point numbers, whatever their width, and are read as the float32 of the same value. Quantised ones
are refused: they are numbers of a weight only together with scales, of which each method has its own.
"""

import json
import math
import pathlib
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import safetensors

from posbench.knobs import kinds

REQUIRED = object()
RENAMED = {'gamma': 'weight', 'beta': 'bias'}
# What safetensors calls the formats that are read. NumPy has none of 8 bits.
FLOATS = {
    'F64': np.float64,
    'F32': np.float32,
    'F16': np.float16,
    'BF16': ml_dtypes.bfloat16,
    'F8_E4M3': ml_dtypes.float8_e4m3fn,
    'F8_E5M2': ml_dtypes.float8_e5m2,
}
# Files of weights in which pickled Python code may stand, which is never run here.
PICKLED = ('pytorch_model*.bin', '*.pt', '*.pth', '*.ckpt')


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


class Tensor(NamedTuple):
    """Where in a file of safetensors an array stands."""

    path: pathlib.Path
    dtype: str
    shape: tuple[int, ...]
    start: int

    def read(self) -> np.ndarray:
        """The array, float32."""
        with self.path.open('rb') as file:
            file.seek(self.start)
            values_N = np.fromfile(file, FLOATS[self.dtype], math.prod(self.shape))
        return values_N.reshape(self.shape).astype(np.float32)


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
        """float32, of that shape. ValueError for a missing weight, one of another shape, and one that is quantised."""
        if name not in self._names:
            near = kinds.nearest(name, self._names)
            hint = f'; did you mean {near!r}?' if near else ''
            raise ValueError(f'weights: there is no {name!r}{hint}')
        stored = self._names[name]
        tensors = self._tensors(self._files[stored])
        if stored not in tensors:
            raise ValueError(f'{self._files[stored]}: there is no {stored!r}, which the index names')
        tensor = tensors[stored]
        if tensor.dtype not in FLOATS:
            raise ValueError(f'weights: got {name!r} of dtype {tensor.dtype}, wanted one of {", ".join(FLOATS)}')
        scale = next((other for other in self._files if other.startswith(f'{stored}_scale')), None)
        if scale is not None:
            raise ValueError(
                f'weights: got {name!r} of dtype {tensor.dtype}, which is quantised: {scale!r} has its scales; wanted '
                'weights that are whole without'
            )
        if tensor.shape != shape:
            raise ValueError(f'weights: got {name!r} of shape {tensor.shape}, wanted {shape} by config.json')
        self._left.discard(stored)
        return tensor.read() if self._values else np.zeros(shape, np.float32)

    def _tensors(self, path: pathlib.Path) -> dict[str, 'Tensor']:
        if path not in self._open:
            self._open[path] = tensors(path)
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
    if (method := settings.take('quantization_config', None)) is not None:
        method = method.get('quant_method', method) if isinstance(method, dict) else method
        raise ValueError(f'config.json: got a quantization_config, {kinds.show(method)}, wanted weights without')
    single, index = path / 'model.safetensors', path / 'model.safetensors.index.json'
    if single.is_file():
        files = dict.fromkeys(tensors(single), single)
    elif index.is_file():
        files = _indexed(path, index)
        if missing := sorted({file.name for file in files.values() if not file.is_file()}):
            raise ValueError(f'{path}: there is no {missing[0]}, which {index.name} names')
    else:
        pickled = next((file.name for pattern in PICKLED for file in sorted(path.glob(pattern))), None)
        hint = f'; {pickled} is pickled, which may run any code: convert it to safetensors first' if pickled else ''
        raise ValueError(f'{path}: there is no {single.name} and no {index.name}{hint}')
    return settings, Weights(files, values)


def tensors(path: pathlib.Path) -> dict[str, Tensor]:
    """The arrays of a file of safetensors, by name. ValueError, one line, where the file is none or is cut."""
    try:
        # Checks all that a header promises, the length of the file included.
        with safetensors.safe_open(path, framework='np'), path.open('rb') as file:
            length = int.from_bytes(file.read(8), 'little')
            header = json.loads(file.read(length))
    except OSError as error:
        raise ValueError(f'{path}: it cannot be read: {error.strerror or error}') from None
    except safetensors.SafetensorError as error:
        raise ValueError(f'{path}: {error}') from None
    return {
        name: Tensor(path, about['dtype'], tuple(about['shape']), 8 + length + about['data_offsets'][0])
        for name, about in header.items()
        if name != '__metadata__'
    }


def _indexed(folder: pathlib.Path, index: pathlib.Path) -> dict[str, pathlib.Path]:
    """Which file of the folder has which weight."""
    files = _json(index).get('weight_map')
    if not isinstance(files, dict) or not all(isinstance(file, str) and file for file in files.values()):
        raise ValueError(f'{index}: got weight_map={kinds.show(files)}, wanted the file of each weight')
    return {name: folder / pathlib.Path(file).name for name, file in files.items()}


def _json(path: pathlib.Path) -> dict:
    try:
        values = json.loads(path.read_bytes())
    except OSError as error:
        raise ValueError(f'{path}: it cannot be read: {error.strerror}') from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f'{path}: {error}') from None
    if not isinstance(values, dict):
        raise ValueError(f'{path}: got {kinds.show(values)}, wanted an object in JSON')
    return values
