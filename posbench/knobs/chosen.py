"""Which knobs a config has, once what it chooses by name is known: a task, its data, an encoding, parts of a model."""

import dataclasses
import os
import pathlib
from typing import Any

from posbench.knobs import declared, tree
from posbench.knobs.declared import REQUIRED, Option
from posbench.knobs.kinds import Choice, Inner, Nothing, Optional, Text, UsageError
from posbench.knobs.tree import PATH

# The name of an encoding that need not be there. A word of its own, because there is one called 'none'.
NAME_OR_NONE = Optional(Text(), off=('None', 'null'))
# Groups in which another name keeps the options that both have, such as the width: their things can be exchanged.
KEEPS = ('input', 'model', 'head')
# The knobs of a group and the values that a config has for them; defaults are filled in.
Group = tuple[dict[str, Any], dict[str, Any]]


@dataclasses.dataclass(frozen=True)
class Chooser:
    """What names of a config stand for.

    line: what the command line says of names and modules, by path: {'encoding.name': 'rotary'}.
    folders: where relative paths of a config are looked up.
    """

    line: dict[str, Any]
    folders: list[pathlib.Path]
    package: pathlib.Path

    def thing(self, group: str, values: Any, path: str | None = None) -> Group:
        """The knobs of what `group` chooses from its room, and those of encodings inside of it.

        Another name, or module, on the command line than the config's drops the options that the config set for the old
        one, but for those that both have in the groups of KEEPS. `path` is where it stands, where that is not `group`.
        """
        path = group if path is None else path
        if not isinstance(values, dict):
            raise UsageError(tree.wanted_group(f'config.{path}', values, ['name']))
        old_name = values.get('name')
        old_module = tree.read(f'{path}.module', PATH, values.get('module'), self.folders)
        name = self.line.get(f'{path}.name', old_name)
        module = self.line.get(f'{path}.module', old_module if name == old_name else None)
        replaced = name != old_name or module != old_module
        if module and f'{path}.name' not in self.line and (replaced or old_name is None):
            name = pathlib.Path(module).stem
        name_knob = self._name_knob(group, path, name, module)
        name = tree.read(f'{path}.name', name_knob, name, self.folders)
        options = declared.options(group, name, module, self.package)
        if replaced:
            values = {key: value for key, value in values.items() if group in KEEPS and key in options}
        knobs = {'name': name_knob, 'module': PATH, **_knobs(options)}
        values = {**_defaults(options), **values, 'name': name, 'module': module}
        for key, option in options.items():
            if isinstance(option.knob, Inner):
                knobs[key], values[key] = self.thing(option.knob.room, _as_group(values.get(key, {})), f'{path}.{key}')
        return knobs, values

    def encoding_or_none(self, values: Any, path: str) -> Group:
        """As `thing`, for an encoding that there is only if one is named."""
        nothing, values = {'name': None, 'module': None}, _as_group(values)
        refused = self.line.get(f'{path}.name', '') is None
        asked_for = any(key.startswith(f'{path}.') and value is not None for key, value in self.line.items())
        if values is None or refused:
            values = nothing
        named = not isinstance(values, dict) or any(values.get(key) is not None for key in nothing)
        if refused or not (named or asked_for):
            return {'name': NAME_OR_NONE, 'module': PATH}, nothing | values
        knobs, values = self.thing('encoding', values, path)
        return knobs | {'name': dataclasses.replace(NAME_OR_NONE, knob=knobs['name'])}, values

    def dataset(self, values: Any, task: dict[str, Any], old_task: dict[str, Any]) -> tuple[Any, Any]:
        """The knobs of the data that the chosen task reads; those of the config if its own task reads the same kind."""
        reads = self._reads(task)
        try:
            kept = self._reads(old_task) == reads
        except UsageError:
            kept = False
        if reads is None:
            because = f'config.task.name is {task["name"]!r}, which reads no data'
            return Nothing(because), values if kept else None
        return self.data(reads, values if kept else {})

    def data(self, reads: str, values: Any) -> Group:
        """The knobs of a kind of data."""
        options = declared.dataset_options(reads, self.package)
        if not isinstance(values, dict):
            raise UsageError(tree.wanted_group('config.dataset', values, options))
        return _knobs(options), {**_defaults(options), **values}

    def _name_knob(self, group: str, path: str, name: Any, module: str | None) -> Choice | Text:
        shipped, noun = declared.names(group, self.package), declared.noun(group)
        if not module:
            return Choice(tuple(shipped))
        if not os.path.isfile(module):
            raise UsageError(f'config.{path}.module: got {module!r}, which is no file')
        if name in shipped:
            article = 'an' if noun[0] in 'aeiou' else 'a'
            raise UsageError(
                f'config.{path}.name: got {name!r}, which is {article} {noun} of posbench; wanted a name of your own '
                f'for config.{path}.module = {module!r}'
            )
        return Text()

    def _reads(self, task: dict[str, Any]) -> str | None:
        module = tree.read('task.module', PATH, task.get('module'), self.folders)
        return declared.traits('task', task.get('name'), module, self.package).get('reads')


def traits(encoding: dict[str, Any], package: pathlib.Path) -> dict[str, Any]:
    """Constants of the class of an encoding; those of encodings inside hold for the whole."""
    found = dict(declared.traits('encoding', encoding['name'], encoding['module'], package))
    for value in encoding.values():
        if isinstance(value, dict):
            inner = traits(value, package)
            found |= {name: constant for name, constant in inner.items() if constant and not found.get(name)}
    return found


def _as_group(value: Any) -> Any:
    """What is chosen inside may be given by its name alone."""
    return {'name': value} if isinstance(value, str) else value


def _knobs(options: dict[str, Option]) -> dict[str, Any]:
    return {name: option.knob for name, option in options.items()}


def _defaults(options: dict[str, Option]) -> dict[str, Any]:
    return {name: option.default for name, option in options.items() if option.default is not REQUIRED}
