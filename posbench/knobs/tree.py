"""A nested dict of knobs: find one by its path, read its value, check a whole tree of values against it."""

import os
import pathlib
from collections.abc import Iterable
from typing import Any

from posbench.knobs.kinds import Knob, NotAllowed, Optional, Path, UsageError, nearest, show

PATH = Optional(Path())


def check(knobs: dict, given: dict, overrides: dict, folders: list[pathlib.Path]) -> dict:
    """The checked value of every knob, in the order of `knobs`: an override's where there is one, else the given one.

    `overrides` maps paths such as 'train.steps' to values that were read already. Raises UsageError for a knob that is
    unknown, missing, or has a value that is not allowed.
    """

    def group(knobs, given, path):
        if not isinstance(given, dict):
            raise UsageError(wanted_group(path, given, knobs))
        for name in given:
            if name not in knobs:
                raise UsageError(_unknown(path, str(name), knobs, tree))
        return {name: value(knob, given, f'{path}.{name}', name) for name, knob in knobs.items()}

    def value(knob, given, path, name):
        key = path.removeprefix('config.')
        if isinstance(knob, dict):
            return group(knob, given.get(name), path)
        if key in overrides:
            return overrides[key]
        if name not in given:
            raise UsageError(f'{path}: it is missing, wanted {knob.wanted}')
        return read(key, knob, given[name], folders)

    tree = knobs
    return group(knobs, given, 'config')


def find(knobs: dict, key: str) -> Knob:
    """The knob at a path such as 'train.steps'."""
    node, path = knobs, 'config'
    for part in key.split('.'):
        if not isinstance(node, dict):
            raise UsageError(f'{path}.{part}: there is no such knob; {path} has nothing below it')
        if part not in node:
            raise UsageError(_unknown(path, part, node, knobs))
        node, path = node[part], f'{path}.{part}'
    if isinstance(node, dict):
        raise UsageError(f'{path}: it is a group of knobs; set one of them: {", ".join(node)}')
    return node


def read(key: str, knob: Knob, value: Any, folders: list[pathlib.Path]) -> Any:
    """A value of a config, where 'None' and '3' are texts. Relative paths become absolute, see `_located`."""
    return _allowed(key, knob, knob.check, value, folders)


def read_override(key: str, knob: Knob, value: Any, folders: list[pathlib.Path]) -> Any:
    """A value from the command line or an experiment, where a text stands for a value of the knob's type."""
    return _allowed(key, knob, knob.parse if isinstance(value, str) else knob.check, value, folders)


def wanted_group(path: str, got: Any, names: Iterable[str]) -> str:
    """The line for a value where a group of knobs was wanted."""
    return f'{path}: got {show(got)}, wanted a group of knobs: {", ".join(names)}'


def _allowed(key, knob, function, value, folders):
    try:
        value = function(value)
    except NotAllowed as error:
        raise UsageError(f'config.{key}: {error}') from None
    return _located(value, folders) if knob in (PATH, Path()) and value is not None else value


def _located(path: str, folders: list[pathlib.Path]) -> str:
    """An absolute path, from the first folder that has it, else from the working directory. gs://... stays."""
    if '://' in path:
        return path
    path = os.path.expanduser(path)
    candidates = [os.path.normpath(os.path.join(folder, path)) for folder in folders]
    return next((candidate for candidate in candidates if os.path.exists(candidate)), os.path.abspath(path))


def _unknown(group: str, name: str, here: dict, tree: dict) -> str:
    by_name: dict[str, list[str]] = {}
    for path in _paths(tree):
        by_name.setdefault(path.rpartition('.')[2], []).append(path)
    # A name that more than two groups have says nothing about which was meant.
    elsewhere = {leaf: "' or '".join(paths) for leaf, paths in by_name.items() if len(paths) <= 2}
    near = elsewhere.get(name) or nearest(name, here) or elsewhere.get(nearest(name, elsewhere, cutoff=0.75))
    hint = f"; did you mean '{near}'?" if near else '.'
    return f'{group}.{show(name)[1:-1]}: there is no such knob{hint} Knobs here: {", ".join(here)}'


def _paths(knobs: dict, group: str = 'config') -> list[str]:
    paths = []
    for name, knob in knobs.items():
        paths += _paths(knob, f'{group}.{name}') if isinstance(knob, dict) else [f'{group}.{name}']
    return paths
