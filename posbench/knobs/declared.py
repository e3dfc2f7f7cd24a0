"""The options of encodings and position maps, read from their source without importing it (and with it jax).

An option has one home. For an encoding that is a field of `class Encoding` in encodings/<name>.py, its own or one of
the class it is built on; fields of encodings/base.py are dimensions that the model sets. For a position map it is a
keyword-only argument of the function `(rng, batch_size, length, *, ...)` in positions/<name>.py, except those that the
trainer sets. Understood are

    int   float   bool   str   Literal['a', 'b']   tuple[int, ...]   tuple[float, ...]   tuple[int, int]
    Annotated[<one of these>, Range(...)]   <one of these> | None   base.Nested

with a literal as default, or none, for an option that has to be given. `base.Nested` is another encoding, a group of
knobs of its own; its default is a name.
"""

import ast
import contextlib
import dataclasses
import functools
import pathlib
import re
from typing import Any, NoReturn

from posbench.knobs import kinds
from posbench.knobs.kinds import Knob, Range, UsageError

PACKAGE = pathlib.Path(__file__).resolve().parents[1]
REQUIRED = object()
# The knob of an option that is an encoding; its place is taken by the knobs of the encoding that is chosen.
NESTED = kinds.Text()
# Of flax's linen.Module: an option of one of these names would take its place.
TAKEN = (
    'apply', 'bind', 'clone', 'copy', 'get_variable', 'has_rng', 'has_variable', 'init', 'init_with_output',
    'is_initializing', 'is_mutable_collection', 'lazy_init', 'make_rng', 'module_paths', 'name', 'param',
    'parent', 'path', 'perturb', 'put_variable', 'scope', 'setup', 'sow', 'tabulate', 'unbind', 'variable',
    'variables',
)  # fmt: skip
MAP_ARGUMENTS = ['rng', 'batch_size', 'length']
SET_BY_THE_TRAINER = ('train', 'tokens_BL', 'segment_ids_BL')


@dataclasses.dataclass(frozen=True)
class Option:
    knob: Knob
    default: Any = REQUIRED


def encoding_names(package: pathlib.Path = PACKAGE) -> list[str]:
    """The files of encodings/ that define a class Encoding. By text, so that one broken file does not hide the rest."""
    files = sorted((package / 'encodings').glob('*.py'))
    return [file.stem for file in files if re.search(rb'^class Encoding\b', file.read_bytes(), re.MULTILINE)]


def encoding_options(
    name: str, module: str | pathlib.Path | None = None, package: pathlib.Path = PACKAGE
) -> dict[str, Option]:
    """Every option of an encoding in source order; of the file `module`, if there is one, whatever its name."""
    fields, _ = _encoding_class(name, module, package)
    base = package / 'encodings' / 'base.py'
    hooks = _methods(base)
    for name, (path, field) in fields.items():
        if path != base and name not in ('name', 'module') and (name in TAKEN or name in hooks):
            owner = 'PositionEncoding' if name in hooks else "flax's linen.Module"
            _fail(path, field, f'an option cannot be called {name!r}, as a method of {owner} is')
    return {name: _option(path, name, field) for name, (path, field) in fields.items() if path != base}


def encoding_traits(
    name: str, module: str | pathlib.Path | None = None, package: pathlib.Path = PACKAGE
) -> dict[str, Any]:
    """The constants of an encoding's class, such as `even_head_width = True`; what is computed is left out."""
    _, constants = _encoding_class(name, module, package)
    return constants


def position_names(package: pathlib.Path = PACKAGE) -> list[str]:
    """The files of positions/ that define a function of their own name, which starts with (rng, batch_size, length)."""
    return list(_maps(package))


def position_options(name: str, package: pathlib.Path = PACKAGE) -> dict[str, Option]:
    """Every option of a position map, in source order."""
    path = package / 'positions' / f'{name}.py'
    arguments = _maps(package)[name].args
    return {
        argument.arg: _option(path, argument.arg, argument, default)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults)
        if argument.arg not in SET_BY_THE_TRAINER
    }


def _maps(package: pathlib.Path) -> dict[str, ast.FunctionDef]:
    found = {}
    for file in sorted((package / 'positions').glob('*.py')):
        for node in _parse(file).body:
            named = isinstance(node, ast.FunctionDef) and node.name == file.stem
            if named and [argument.arg for argument in node.args.args] == MAP_ARGUMENTS:
                found[node.name] = node
    return found


def _parse(path: pathlib.Path) -> ast.Module:
    try:
        return _parsed(path.read_bytes(), str(path))
    except OSError as error:
        raise UsageError(f'{path}: {error.strerror}') from None
    except SyntaxError as error:
        raise UsageError(f'{path}:{error.lineno or 1}: {type(error).__name__}: {error.msg}') from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f'{path}: {type(error).__name__}: {error}') from None


@functools.lru_cache(maxsize=512)
def _parsed(source: bytes, path: str) -> ast.Module:
    # Of its text, so that a file that was edited in between is read anew. Nobody changes the tree.
    return ast.parse(source, path)


def _encoding_class(name: str, module: str | pathlib.Path | None, package: pathlib.Path) -> tuple[dict, dict]:
    path = pathlib.Path(module) if module else package / 'encodings' / f'{name}.py'
    found = _class(path, 'Encoding', package)
    if found is None:
        raise UsageError(f'{path}: it defines no class Encoding')
    return found


def _class(path: pathlib.Path, name: str, package: pathlib.Path) -> tuple[dict, dict] | None:
    """Fields {name: (file, statement)} and constants {name: value} of a class and its bases; None: no such class."""
    tree = _parse(path)
    node = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name), None)
    if node is None:
        return None
    fields, constants = {}, {}
    for base in reversed(node.bases):
        inherited = _base(path, tree, base, name, package)
        if inherited:
            fields |= inherited[0]
            constants |= inherited[1]
    dimensions = {field for field, (file, _) in fields.items() if file == package / 'encodings' / 'base.py'}
    for statement in node.body:
        match statement:
            case ast.FunctionDef(name=target):
                constants.pop(target, None)
            case ast.Assign(targets=[ast.Name(id=target)]):
                _keep_literal(constants, target, statement.value)
            case ast.AnnAssign(target=ast.Name(id=target)) if 'ClassVar' in ast.unparse(statement.annotation):
                _keep_literal(constants, target, statement.value)
            case ast.AnnAssign(target=ast.Name(id=target)) if target not in dimensions:
                fields[target] = (path, statement)
                constants.pop(target, None)
    return fields, constants


def _methods(path: pathlib.Path) -> set[str]:
    """The names of all methods of all classes of a file."""
    classes = [node for node in _parse(path).body if isinstance(node, ast.ClassDef)]
    return {node.name for one in classes for node in one.body if isinstance(node, ast.FunctionDef)}


def _keep_literal(constants: dict, name: str, value: ast.expr | None) -> None:
    constants.pop(name, None)
    # What is computed is known only to the class itself.
    with contextlib.suppress(ValueError, TypeError):
        constants[name] = ast.literal_eval(value)


def _base(path: pathlib.Path, tree: ast.Module, base: ast.expr, derived: str, package: pathlib.Path):
    """The class that `base` names: in the same file, or in a file of the package's encodings/ that was imported."""
    head, _, rest = ast.unparse(base).partition('.')
    imported = {
        alias.asname or alias.name: f'{node.module}.{alias.name}'
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    dotted = '.'.join(filter(None, [imported.get(head, head), rest]))
    if '.' not in dotted:
        return _class(path, dotted, package) if dotted != derived else None
    *folders, module, class_name = dotted.split('.')
    file = package.joinpath(*folders[1:], f'{module}.py')
    return _class(file, class_name, package) if file.exists() and file != path else None


def _option(path: pathlib.Path, name: str, node: ast.AnnAssign | ast.arg, default: ast.expr | None = None) -> Option:
    if isinstance(node, ast.AnnAssign):
        default = node.value
    if name in ('name', 'module'):
        _fail(path, node, f'an option cannot be called {name!r}: config.encoding.{name} says which encoding it is')
    try:
        knob = _knob(node.annotation)
    except ValueError as error:
        _fail(path, node, f'the type of option {name!r} is not understood: {error}')
    if default is None:
        return Option(knob)
    try:
        return Option(knob, knob.check(ast.literal_eval(default)))
    except (ValueError, TypeError):
        _fail(path, node, f'the default of option {name!r} is not a literal: {ast.unparse(default)}')
    except kinds.NotAllowed as error:
        _fail(path, node, f'the default of option {name!r}: {error}')


def _fail(path: pathlib.Path, node: ast.AST, message: str) -> NoReturn:
    raise UsageError(f'{path}:{node.lineno}: {message}')


def _knob(node: ast.expr | None, allowed: Range = Range()) -> Knob:
    """The knob that an annotation stands for; `allowed` is the range that was written around it."""
    match node:
        case ast.Name(id='int'):
            return kinds.Int(allowed)
        case ast.Name(id='float'):
            return kinds.Float(allowed)
        case ast.Name(id='bool'):
            return kinds.Bool()
        case ast.Name(id='str'):
            return kinds.Text()
        case ast.Name(id='Nested') | ast.Attribute(attr='Nested'):
            return NESTED
        case ast.BinOp(left=inner, op=ast.BitOr(), right=ast.Constant(value=None)):
            return kinds.Optional(_knob(inner, allowed))
        case ast.Subscript(value=ast.Name(id='Literal'), slice=values):
            choices = ast.literal_eval(values)
            return kinds.Choice(choices if isinstance(choices, tuple) else (choices,))
        case ast.Subscript(value=ast.Name(id='Annotated'), slice=ast.Tuple(elts=[inner, limits])):
            return _knob(inner, _range(limits))
        case ast.Subscript(value=ast.Name(id='tuple'), slice=ast.Tuple(elts=[inner, ast.Constant(value=value)])) if (
            value is ...
        ):
            return kinds.Tuple(_knob(inner, allowed))
        case ast.Subscript(value=ast.Name(id='tuple'), slice=ast.Tuple(elts=[inner, *others])) if all(
            ast.dump(other) == ast.dump(inner) for other in others
        ):
            return kinds.Tuple(_knob(inner, allowed), length=1 + len(others))
    raise ValueError(ast.unparse(node) if node else 'it has none')


def _range(node: ast.expr) -> Range:
    match node:
        case ast.Call(func=ast.Name(id='Range') | ast.Attribute(attr='Range'), args=[], keywords=limits):
            try:
                return Range(**{limit.arg: ast.literal_eval(limit.value) for limit in limits})
            except TypeError:
                pass
    raise ValueError(ast.unparse(node))
