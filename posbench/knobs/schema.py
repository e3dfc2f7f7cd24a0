"""The way from a config file and overrides to a config that is known to be good.

Nothing here imports jax: a typo is answered in a fraction of a second. Defaults and their reasons stand in
configs/default.py, and of word vectors in configs/word_vectors.py; what a knob may be is read from where it is used
(declared.py), and forms.py says which groups there are.
"""

import json
import os
import pathlib
import re
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from posbench.knobs import chosen, declared, forms, tree, user_file
from posbench.knobs.annotations import NESTED
from posbench.knobs.kinds import Text, UsageError, nearest, show
from posbench.knobs.source import PACKAGE
from posbench.knobs.tree import PATH

CHOSEN = (*declared.ROOMS, 'positions')
# These decide which other knobs there are. Anything may have encodings inside.
EARLY = {
    r'second_phase\.encoding\.name': chosen.NAME_OR_NONE,
    rf'({"|".join(CHOSEN)}|second_phase\.encoding\.\w+)(\.\w+)*\.name': Text(),
    rf'({"|".join(CHOSEN)}|second_phase\.encoding)(\.\w+)*\.module': PATH,
}


def load(
    path: str | os.PathLike,
    overrides: Mapping[str, Any] | None = None,
    *,
    seen_from: Mapping[str, pathlib.Path] | None = None,
    package: pathlib.Path = PACKAGE,
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
    return resolve(config, overrides, folder=path.resolve().parent, seen_from=seen_from, package=package)


def resolve(
    config: Mapping | ConfigDict,
    overrides: Mapping[str, Any] | None = None,
    *,
    folder: pathlib.Path | None = None,
    seen_from: Mapping[str, pathlib.Path] | None = None,
    package: pathlib.Path = PACKAGE,
) -> ConfigDict:
    """The whole config, checked, with every option of all that it chooses by name, and locked.

    `overrides` maps 'train.steps' to a value, or to a text that is parsed by the knob's type. Another
    `encoding.name` (or `encoding.module`) than the config's replaces the whole encoding: options that the config set
    for the old one are dropped, options in `overrides` belong to the new one. The same goes for `positions.name`, and
    for `task.name`, which also replaces the dataset by the defaults of what the new task reads, if that is of another
    kind. Another input, model or head keeps those options that both have. Relative paths of a config are looked up in
    `folder` first, those of overrides in the working directory first, or in the folder that `seen_from` has for one;
    all at last in the repository. Raises UsageError, always one line, for whatever is found first.
    """
    given, overrides = _plain(config), dict(overrides or {})
    form = forms.of(given)
    forms.check(form, [*map(str, given), *overrides], package)
    folders = [pathlib.Path(folder or '').absolute(), pathlib.Path.cwd(), user_file.ROOT]

    def override(key, knob):
        near = (seen_from or {}).get(key, folders[1])
        return tree.read_override(key, knob, overrides[key], [near, folders[0], user_file.ROOT])

    line = {
        key: override(key, knob) for pattern, knob in EARLY.items() for key in overrides if re.fullmatch(pattern, key)
    }
    knobs, given = _knobs(form, given, chosen.Chooser(line, folders, package))
    parsed = {key: override(key, tree.find(knobs, key)) for key in overrides}
    resolved = tree.check(knobs, given, parsed, folders)
    for sentence in forms.broken(form, resolved, package):
        raise UsageError(sentence)
    return ConfigDict(resolved).lock()


def _knobs(form: forms.Form, given: dict[str, Any], chooser: chosen.Chooser) -> tuple[dict[str, Any], dict[str, Any]]:
    """Every knob of a config, a group a dict, and the values that it gives, with defaults of what it chooses."""
    knobs = {name: option.knob for name, option in form.options('', chooser.package).items()}
    values = dict(given)
    for group in form.groups:
        if group in form.settings:
            options = form.options(group, chooser.package)
            knobs[group], values[group] = _plain_group(group, options, given.get(group), chooser)
        elif group == 'dataset' and form.reads is not None:
            knobs[group], values[group] = chooser.data(form.reads, given.get(group))
        elif group == 'dataset':
            knobs[group], values[group] = chooser.dataset(given.get(group), values['task'], given['task'])
        else:
            knobs[group], values[group] = chooser.thing(group, given.get(group))
    return knobs, values


def _plain_group(
    group: str, options: dict[str, declared.Option], values: Any, chooser: chosen.Chooser
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The knobs of a group that chooses nothing, unless it has an encoding."""
    knobs = {name: option.knob for name, option in options.items()}
    if isinstance(values, dict):
        values = {name: one.default for name, one in options.items() if one.default is not declared.REQUIRED} | values
    nested = [name for name, knob in knobs.items() if knob is NESTED]
    if nested and not isinstance(values, dict):
        raise UsageError(tree.wanted_group(f'config.{group}', values, knobs))
    for name in nested:
        knobs[name], inner = chooser.encoding_or_none(values.get(name), f'{group}.{name}')
        values = {**values, name: inner}
    return knobs, values


def _plain(config: Any) -> Any:
    """Nested plain dicts, whatever mixture of ConfigDict and dict a config is made of."""
    if isinstance(config, ConfigDict | FrozenConfigDict):
        config = config.to_dict()
    return {key: _plain(value) for key, value in config.items()} if isinstance(config, Mapping) else config


def _hint(name: str, names: list[str]) -> str:
    near = nearest(name, names)
    return f'; did you mean {near!r}?' if near else ''
