"""The options of everything that a config names or sets, read from where they are used, without importing it.

An option has one home: the annotated field, or the keyword-only argument, that uses it.

    config.encoding   config.input      the fields of `class Encoding`, `Input`, `Body` or `Head`, its own and those of
    config.model      config.head       the classes it is built on, but for those that a model sets
    config.task       the fields of `class Task` that are declared by `base.option(default)`; the others are data
    config.vectors    the fields of `class Trainer`, its own and those of the classes it is built on
    config.positions  the keyword-only arguments of the map, but for those that the trainer sets
    config.dataset    the arguments of `load(name, *, ...)` in datasets/<what the task reads>.py, but for `quiet`
    all others        the fields of a NamedTuple, see forms.py

What annotations are understood stands in annotations.py. A default is a literal; an option without one has to be given.
"""

import ast
import dataclasses
import pathlib
from collections.abc import Iterable
from typing import Any

from posbench.knobs import annotations, kinds, source
from posbench.knobs.kinds import Knob, UsageError
from posbench.knobs.source import PACKAGE, Field
from posbench.registry import Registry

REQUIRED = object()
# Of flax's linen.Module: an option of one of these names would take its place.
TAKEN = (
    'apply', 'bind', 'clone', 'copy', 'get_variable', 'has_rng', 'has_variable', 'init', 'init_with_output',
    'is_initializing', 'is_mutable_collection', 'lazy_init', 'make_rng', 'module_paths', 'name', 'param',
    'parent', 'path', 'perturb', 'put_variable', 'scope', 'setup', 'sow', 'tabulate', 'unbind', 'variable',
    'variables',
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Room:
    """A room of the package, and how its options are declared."""

    registry: Registry
    # The class in the room's base.py.
    base: str
    # What one of its things is called in an error.
    noun: str

    # A linen.Module: its every field is an option, but for those that a model sets.
    is_linen: bool = True
    # Only fields that are declared by `base.option(default)` are options.
    marked: bool = False

    def base_file(self, package: pathlib.Path) -> pathlib.Path:
        """Where the interface of the room stands."""
        return package / self.registry.folder / 'base.py'


# By the group of the config that chooses from it.
ROOMS = {
    'task': Room(Registry('tasks', 'Task'), 'Task', 'task', is_linen=False, marked=True),
    'encoding': Room(Registry('encodings', 'Encoding'), 'PositionEncoding', 'encoding'),
    'input': Room(Registry('inputs', 'Input'), 'Input', 'input layer'),
    'model': Room(Registry('bodies', 'Body'), 'Body', 'body'),
    'head': Room(Registry('heads', 'Head'), 'Head', 'head'),
    'vectors': Room(Registry('word_vectors', 'Trainer'), 'Trainer', 'trainer of word vectors', is_linen=False),
}
# Of which something inside a group chooses.
INNER_ROOMS = {'combination': Room(Registry('inputs/combine', 'Combination'), 'Combination', 'combination')}
MAP_ARGUMENTS = ['rng', 'batch_size', 'length']
# Arguments of a position map, and of a data set's `load`, that no config sets.
SET_BY_THE_TRAINER = ('train', 'tokens_BL', 'segment_ids_BL')
SET_BY_THE_COMMAND = ('quiet',)


@dataclasses.dataclass(frozen=True)
class Option:
    """What an option may be, and what it is where a config does not say."""

    knob: Knob
    default: Any = REQUIRED


def names(group: str, package: pathlib.Path = PACKAGE) -> list[str]:
    """What `config.<group>.name` may be.

    For positions these are the files that define a function of their own name, which starts with (rng, batch_size,
    length); for all others those that define the class of the room.
    """
    if group == 'positions':
        files = sorted((package / 'positions').glob('*.py'))
        return [file.stem for file in files if _map(file, file.stem) is not None]
    return room_of(group).registry.names(package)


def noun(group: str) -> str:
    """What one of the things is called that `config.<group>` chooses from."""
    return 'position map' if group == 'positions' else room_of(group).noun


def room_of(group: str) -> Room:
    """The room that a group of the config, or something inside one, chooses from."""
    return (ROOMS | INNER_ROOMS)[group]


def options(
    group: str, name: str, module: str | pathlib.Path | None = None, package: pathlib.Path = PACKAGE
) -> dict[str, Option]:
    """Every option of what is chosen, in source order; of the file `module`, if there is one, whatever its name."""
    if group == 'positions':
        path = pathlib.Path(module) if module else package / 'positions' / f'{name}.py'
        function = _map(path, name)
        if function is None:
            raise UsageError(f'{path}: it defines no function {name}({", ".join(MAP_ARGUMENTS)}, *, ...)')
        return _options(_arguments(path, function, SET_BY_THE_TRAINER), group, package)
    room = room_of(group)
    found = _class(group, name, module, package)
    fields = found.fields
    if room.is_linen:
        fields = {key: field for key, field in fields.items() if key not in _house(room, found, package)}
    if room.marked:
        fields = {key: marked for key, field in fields.items() if (marked := _marked(field))}
    taken = dict.fromkeys(TAKEN, "flax's linen.Module") if room.is_linen else {}
    taken |= source.methods(room.base_file(package)) if room.base_file(package).exists() else {}
    for key, field in fields.items():
        if key in taken and key not in ('name', 'module'):
            field.fail(f'an option cannot be called {key!r}, as a method of {taken[key]} is')
    return _options(fields, group, package)


def traits(
    group: str, name: str, module: str | pathlib.Path | None = None, package: pathlib.Path = PACKAGE
) -> dict[str, Any]:
    """The constants of a class, such as `even_head_width = True` or `reads = 'text'`; what is computed is left out."""
    return _class(group, name, module, package).constants


def dataset_options(reads: str, package: pathlib.Path = PACKAGE) -> dict[str, Option]:
    """The options of a kind of data, `name` first, for tasks that read it."""
    path = package / 'datasets' / f'{reads}.py'
    load = source.find_function(path, 'load')
    if load is None or [argument.arg for argument in load.args.args] != ['name']:
        raise UsageError(f'{path}: it defines no function load(name, *, ...)')
    default = load.args.defaults[0] if load.args.defaults else None
    name = {'name': Field(path, load.args.args[0], default)}
    return _options(name | _arguments(path, load, SET_BY_THE_COMMAND), None, package)


def settings(place: tuple[str, str], package: pathlib.Path = PACKAGE) -> dict[str, Option]:
    """The options of a group that chooses nothing: the fields of the NamedTuple that it is made into.

    `place` is the file of that class in the package, and its name.
    """
    file, name = place
    found = source.find_class(package / file, name, package)
    if found is None:
        raise UsageError(f'{package / file}: it defines no class {name}')
    return _options(found.fields, None, package)


def _class(group: str, name: str, module: str | pathlib.Path | None, package: pathlib.Path) -> source.Class:
    room = room_of(group)
    path = pathlib.Path(module) if module else package / room.registry.folder / f'{name}.py'
    found = source.find_class(path, room.registry.class_name, package)
    if found is None:
        raise UsageError(f'{path}: it defines no class {room.registry.class_name}')
    return found


def _house(room: Room, found: source.Class, package: pathlib.Path) -> Iterable[str]:
    """The fields that a model sets: those that the class names, or all that stand in the room's base.py."""
    if 'set_by_the_house' in found.constants:
        return found.constants['set_by_the_house']
    path = room.base_file(package)
    base = source.find_class(path, room.base, package) if path.exists() else None
    return () if base is None else base.constants.get('set_by_the_house', base.fields)


def _marked(field: Field) -> Field | None:
    """The field with its default in the place of `option(default)`; None where it is no option."""
    match field.default:
        case ast.Call(func=ast.Name(id='option') | ast.Attribute(attr='option'), args=[default], keywords=[]):
            return dataclasses.replace(field, default=default)
    return None


def _map(path: pathlib.Path, name: str) -> ast.FunctionDef | None:
    """The function of a position map; None where the file has none."""
    found = source.find_function(path, name)
    is_map = found is not None and [argument.arg for argument in found.args.args] == MAP_ARGUMENTS
    return found if is_map else None


def _arguments(path: pathlib.Path, function: ast.FunctionDef, without: Iterable[str]) -> dict[str, Field]:
    """The keyword-only arguments of a function."""
    pairs = zip(function.args.kwonlyargs, function.args.kw_defaults)
    return {node.arg: Field(path, node, default) for node, default in pairs if node.arg not in without}


def _options(fields: dict[str, Field], group: str | None, package: pathlib.Path) -> dict[str, Option]:
    """`group`: the one that chooses by `name` and `module`, which then are no names of options."""
    return {name: _option(name, field, group, package) for name, field in fields.items()}


def _option(name: str, field: Field, group: str | None, package: pathlib.Path) -> Option:
    if group is not None and name in ('name', 'module'):
        field.fail(f'an option cannot be called {name!r}: config.{group}.{name} says which {noun(group)} it is')
    try:
        knob = annotations.knob(field.node.annotation, field.path, package)
    except ValueError as error:
        field.fail(f'the type of option {name!r} is not understood: {error}')
    except RecursionError:
        field.fail(f'the type of option {name!r} is not understood: it is one of itself')
    if field.default is None:
        return Option(knob)
    try:
        return Option(knob, knob.check(ast.literal_eval(field.default)))
    except (ValueError, TypeError):
        field.fail(f'the default of option {name!r} is not a literal: {ast.unparse(field.default)}')
    except kinds.NotAllowed as error:
        field.fail(f'the default of option {name!r}: {error}')
