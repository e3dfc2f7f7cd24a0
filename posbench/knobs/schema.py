"""Every knob's type and range, and the way from a config file and overrides to a config that is known to be good.

Nothing here imports jax: a typo is answered in a fraction of a second. The tree mirrors configs/default.py, where the
defaults and their reasons stand; the options of encodings and position maps come from their own source (options.py).
"""

import json
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from posbench.knobs import rules, tree, user_file
from posbench.knobs.declared import (
    NESTED,
    PACKAGE,
    REQUIRED,
    Option,
    encoding_names,
    encoding_options,
    encoding_traits,
    position_names,
    position_options,
)
from posbench.knobs.kinds import Bool, Choice, Float, Int, Optional, Range, Text, Tuple, UsageError, nearest, show
from posbench.knobs.tree import PATH

NATURAL = Range(min=1)

KNOBS: dict[str, Any] = {
    'experiment': Optional(Text()),
    'encoding': {},  # These two, and the encoding of the second phase, are filled in by what is chosen.
    'positions': {},
    'seeds': Tuple(Int(Range(min=0, max=2**31 - 1)), unique=True),
    'dataset': {
        'name': Text(),
        'folder': PATH,
        'text_feature': Optional(Text()),
        'tokenizer': Choice(('bytes', 'characters', 'bpe')),
        'vocabulary': Int(NATURAL),
        'data_dir': PATH,
        'separate_documents': Bool(),
        'on_device': Bool(),
    },
    'model': {
        'kind': Choice(('decoder', 'encoder')),
        'layers': Int(NATURAL),
        'width': Int(NATURAL),
        'heads': Int(NATURAL),
        'hidden': Int(NATURAL),
        'norm': Choice(('pre', 'post')),
        'qk_norm': Bool(),
        'dropout': Float(Range(min=0, below=1)),
        'tie_embeddings': Bool(),
        'remat': Bool(),
        'scan_layers': Bool(),
        'block_size': Optional(Int(NATURAL)),
        'kernel': Choice(('auto', 'own', 'fused')),
    },
    'dtype': Choice(('float32', 'bfloat16')),
    'train': {
        'length': Int(NATURAL),
        'batch_size': Int(NATURAL),
        'steps': Int(NATURAL),
        'steps_per_call': Int(NATURAL),
        'evaluate_every': Int(NATURAL),
        'checkpoint_every': Int(NATURAL),
        'keep_checkpoints': Int(NATURAL),
    },
    'optimizer': {
        'name': Choice(('adamw',)),
        'learning_rate': Float(Range(above=0)),
        'warmup_steps': Int(Range(min=0)),
        'schedule': Choice(('cosine', 'constant')),
        'final_fraction': Float(Range(min=0, max=1)),
        'b1': Float(Range(min=0, below=1)),
        'b2': Float(Range(min=0, below=1)),
        'eps': Float(Range(above=0)),
        'weight_decay': Float(Range(min=0)),
        'clip_norm': Optional(Float(Range(above=0))),
    },
    'second_phase': {
        'encoding': {},
        'steps': Int(NATURAL),
        'learning_rate': Optional(Float(Range(above=0))),
        'warmup_steps': Int(Range(min=0)),
        'qk_norm': Bool(),
    },
    'evaluate': {
        'multiples': Tuple(Int(NATURAL), increasing=True),
        'first_unseen': Bool(),
        'split': Choice(('validation', 'test')),
        'tokens': Optional(Int(NATURAL)),
        'stride': Int(NATURAL),
        'batch_tokens': Int(NATURAL),
    },
    'generate': {
        'prompt': Text(),
        'tokens': Int(NATURAL),
        'temperature': Float(Range(min=0)),
        'samples': Int(NATURAL),
    },
    'distributed': Optional(Bool()),
    'parallel': Choice(('jit', 'pmap')),
    'mesh': {'seed': Optional(Int(NATURAL)), 'data': Optional(Int(NATURAL)), 'model': Int(NATURAL)},
    'debug_nans': Bool(),
}

# These decide which other knobs there are. An encoding may have others inside.
EARLY = {
    r'(second_phase\.)?encoding(\.\w+)*\.name': Text(),
    r'(second_phase\.)?encoding(\.\w+)*\.module': PATH,
    r'positions\.name': Text(),
}


def load(
    path: str | os.PathLike, overrides: Mapping[str, Any] | None = None, *, package: pathlib.Path = PACKAGE
) -> ConfigDict:
    """The resolved config of a Python file with `get_config()` or of a .json file, with overrides on top.

    See `resolve` for the overrides. Raises UsageError, always one line.
    """
    path = pathlib.Path(path)
    if not os.path.isfile(path):
        siblings = [str(file) for suffix in ('*.py', '*.json') for file in path.parent.glob(suffix)]
        raise UsageError(f'{path}: there is no such file{_hint(str(path), siblings)}')
    if path.suffix not in ('.py', '.json'):
        raise UsageError(f'{path}: got a file {path.suffix!r}, wanted a .py file with get_config() or a .json file')
    try:
        config = _plain(user_file.call(path, 'get_config') if path.suffix == '.py' else json.loads(path.read_bytes()))
    except UsageError:
        raise
    except Exception as error:  # No JSON, unreadable, or a ConfigDict with a placeholder that was never filled.
        raise UsageError(f'{path}: {type(error).__name__}: {error}') from None
    if not isinstance(config, dict):
        raise UsageError(f'{path}: got {show(config)}, wanted a config: a ConfigDict, or an object in JSON')
    return resolve(config, overrides, folder=path.resolve().parent, package=package)


def resolve(
    config: Mapping | ConfigDict,
    overrides: Mapping[str, Any] | None = None,
    *,
    folder: pathlib.Path | None = None,
    package: pathlib.Path = PACKAGE,
) -> ConfigDict:
    """The whole config, checked, with every option of the encoding and the position map, and locked.

    `overrides` maps 'train.steps' to a value, or to a text that is parsed by the knob's type. Another
    `encoding.name` (or `encoding.module`) than the config's replaces the whole encoding: options that the config set
    for the old one are dropped, options in `overrides` belong to the new one. The same goes for `positions.name`.
    Relative paths of a config are looked up in `folder` first, those of overrides in the working directory first.
    Raises UsageError, always one line, for whatever is found first.
    """
    given, overrides = _plain(config), dict(overrides or {})
    folders = [pathlib.Path(folder or '').absolute(), pathlib.Path.cwd()]

    def override(key, knob):
        return tree.read_override(key, knob, overrides[key], folders[::-1])

    chosen = {
        key: override(key, knob) for pattern, knob in EARLY.items() for key in overrides if re.fullmatch(pattern, key)
    }
    knobs = dict(KNOBS)

    def choose(group, function, values):
        if not isinstance(values, dict):
            raise UsageError(tree.wanted_group(f'config.{group}', values, ['name']))
        line = {key.removeprefix(f'{group}.'): value for key, value in chosen.items() if key.startswith(f'{group}.')}
        return function(values, line, folders, package)

    knobs['encoding'], given['encoding'] = choose('encoding', _encoding, given.get('encoding'))
    knobs['positions'], given['positions'] = choose('positions', _positions, given.get('positions'))
    second = given.get('second_phase')
    if not isinstance(second, dict):
        raise UsageError(tree.wanted_group('config.second_phase', second, knobs['second_phase']))
    knob, values = choose('second_phase.encoding', _second_encoding, second.get('encoding'))
    knobs['second_phase'] = {**knobs['second_phase'], 'encoding': knob}
    given['second_phase'] = {**second, 'encoding': values}
    parsed = {key: override(key, tree.find(knobs, key)) for key in overrides}
    resolved = tree.check(knobs, given, parsed, folders)
    second = resolved['second_phase']['encoding']
    second_traits = {} if second['name'] is None else _traits(second, package)
    for sentence in rules.broken(resolved, _traits(resolved['encoding'], package), second_traits):
        raise UsageError(sentence)
    return ConfigDict(resolved).lock()


def _encoding(
    values: dict, line: dict, folders: list, package: pathlib.Path, path: str = 'encoding'
) -> tuple[dict, dict]:
    """The knobs of the chosen encoding at `path`, and the config's values for them, with those of encodings inside."""
    old_name = values.get('name')
    old_module = tree.read(f'{path}.module', PATH, values.get('module'), folders)
    module = line.get('module', old_module if line.get('name', old_name) == old_name else None)
    replaced = line.get('name', old_name) != old_name or module != old_module
    name = line.get('name', pathlib.Path(module).stem if module and (replaced or old_name is None) else old_name)
    if module and not os.path.isfile(module):
        raise UsageError(f'config.{path}.module: got {module!r}, which is no file')
    shipped = encoding_names(package)
    if module and name in shipped:
        raise UsageError(
            f'config.{path}.name: got {name!r}, which is an encoding of posbench; wanted a name of your own for '
            f'config.{path}.module = {module!r}'
        )
    name_knob = Text() if module else Choice(tuple(shipped))
    name = tree.read(f'{path}.name', name_knob, name, folders)
    options = encoding_options(name, module, package)
    values = {} if replaced else values
    knobs = {'name': name_knob, 'module': PATH, **{key: option.knob for key, option in options.items()}}
    values = {**_defaults(options), **values, 'name': name, 'module': module}
    for key, option in options.items():
        if option.knob is NESTED:
            inner = values.get(key, {})
            inner = {'name': inner} if isinstance(inner, str) else inner
            if not isinstance(inner, dict):
                raise UsageError(tree.wanted_group(f'config.{path}.{key}', inner, ['name']))
            inner_line = {k.removeprefix(f'{key}.'): value for k, value in line.items() if k.startswith(f'{key}.')}
            knobs[key], values[key] = _encoding(inner, inner_line, folders, package, f'{path}.{key}')
    return knobs, values


def _second_encoding(values: dict, line: dict, folders: list, package: pathlib.Path) -> tuple[dict, dict]:
    """As `_encoding`, for the second phase of training, which there is only if an encoding is named."""
    path = 'second_phase.encoding'
    if line or any(values.get(key) is not None for key in ('name', 'module')):
        return _encoding(values, line, folders, package, path)
    return {'name': Optional(Text()), 'module': PATH}, values


def _traits(encoding: dict, package: pathlib.Path) -> dict[str, Any]:
    """Constants of the class of an encoding; those of encodings inside hold for the whole."""
    traits = dict(encoding_traits(encoding['name'], encoding['module'], package))
    for value in encoding.values():
        if isinstance(value, dict):
            inner = _traits(value, package)
            traits |= {name: constant for name, constant in inner.items() if constant and not traits.get(name)}
    return traits


def _positions(values: dict, line: dict, folders: list, package: pathlib.Path) -> tuple[dict, dict]:
    """The knobs of the chosen position map, and the config's values for them."""
    name_knob = Choice(tuple(position_names(package)))
    name = tree.read('positions.name', name_knob, line.get('name', values.get('name')), folders)
    options = position_options(name, package)
    values = values if name == values.get('name') else {}
    knobs = {'name': name_knob, **{key: option.knob for key, option in options.items()}}
    return knobs, {**_defaults(options), **values, 'name': name}


def _defaults(options: dict[str, Option]) -> dict[str, Any]:
    return {name: option.default for name, option in options.items() if option.default is not REQUIRED}


def _plain(config: Any) -> Any:
    """Nested plain dicts, whatever mixture of ConfigDict and dict a config is made of."""
    if isinstance(config, ConfigDict | FrozenConfigDict):
        config = config.to_dict()
    return {key: _plain(value) for key, value in config.items()} if isinstance(config, Mapping) else config


def _hint(name: str, names: list[str]) -> str:
    near = nearest(name, names)
    return f'; did you mean {near!r}?' if near else ''
