"""Classes and functions as their source declares them, read without importing it (and with it jax)."""

import ast
import contextlib
import dataclasses
import functools
import pathlib
from typing import Any, NoReturn

from posbench.knobs.kinds import UsageError

PACKAGE = pathlib.Path(__file__).resolve().parents[1]
# A field that is a bare statement, or a keyword-only argument.
Declaration = ast.AnnAssign | ast.arg


@dataclasses.dataclass(frozen=True)
class Field:
    """One annotated name, where it stands, and the expression of its default if it has one."""

    path: pathlib.Path
    node: Declaration
    default: ast.expr | None

    def fail(self, message: str) -> NoReturn:
        """UsageError with file and line."""
        raise UsageError(f'{self.path}:{self.node.lineno}: {message}')


@dataclasses.dataclass(frozen=True)
class Class:
    """Annotated fields and literal constants of a class and those it is built on; its own win."""

    fields: dict[str, Field]
    constants: dict[str, Any]


def parse(path: pathlib.Path) -> ast.Module:
    """The tree of a file; UsageError, one line, where it is no Python."""
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


def find_class(path: pathlib.Path, name: str, package: pathlib.Path) -> Class | None:
    """The class `name` of a file; None where it has none.

    Bases are looked for in the same file and in files of the package that it imports from.
    """
    tree = parse(path)
    node = next((n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == name), None)
    if node is None:
        return None
    fields, constants = {}, {}
    for base in reversed(node.bases):
        place = locate(path, base, package)
        if place is not None and place != (path, name) and place[0].exists():
            inherited = find_class(*place, package)
            if inherited is not None:
                fields |= inherited.fields
                constants |= inherited.constants
    for statement in node.body:
        match statement:
            case ast.FunctionDef(name=target):
                constants.pop(target, None)
            case ast.Assign(targets=[ast.Name(id=target)]):
                _keep_literal(constants, target, statement.value)
            case ast.AnnAssign(target=ast.Name(id=target)) if 'ClassVar' in ast.unparse(statement.annotation):
                _keep_literal(constants, target, statement.value)
            case ast.AnnAssign(target=ast.Name(id=target)):
                # A field keeps the place at which it was first declared, as in a dataclass.
                fields[target] = Field(path, statement, statement.value)
                constants.pop(target, None)
    return Class(fields, constants)


def find_function(path: pathlib.Path, name: str) -> ast.FunctionDef | None:
    """The function `name` of a file; None where it has none."""
    return next((n for n in parse(path).body if isinstance(n, ast.FunctionDef) and n.name == name), None)


def find_alias(path: pathlib.Path, node: ast.expr, package: pathlib.Path) -> tuple[pathlib.Path, ast.expr] | None:
    """What a name such as `Knob` or `kernels.Knob` was assigned, and the file that says so; None: it is unknown."""
    place = locate(path, node, package)
    if place is None or not place[0].exists():
        return None
    for statement in parse(place[0]).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=target)]) if target == place[1] and statement.value is not node:
                return place[0], statement.value
    return None


def locate(path: pathlib.Path, node: ast.expr, package: pathlib.Path) -> tuple[pathlib.Path, str] | None:
    """File and name of what `node`, a name or a dotted one, stands for: of the same file or of the package's."""
    head, _, rest = ast.unparse(node).partition('.')
    imported = {
        alias.asname or alias.name: f'{statement.module}.{alias.name}'
        for statement in parse(path).body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    dotted = '.'.join(filter(None, [imported.get(head, head), rest]))
    if '.' not in dotted:
        return path, dotted
    if not dotted.startswith('posbench.') or dotted.count('.') < 2:
        return None
    _, *folders, module, name = dotted.split('.')
    file = package.joinpath(*folders, f'{module}.py')
    if not file.exists() and package.joinpath(*folders, module).is_dir():
        file = package.joinpath(*folders, module, '__init__.py')
    return (file, name) if file != path else None


def methods(path: pathlib.Path) -> dict[str, str]:
    """The methods of all classes of a file that are no NamedTuples, each with the name of its class."""
    classes = [
        node
        for node in parse(path).body
        if isinstance(node, ast.ClassDef) and 'NamedTuple' not in map(ast.unparse, node.bases)
    ]
    return {node.name: one.name for one in classes for node in one.body if isinstance(node, ast.FunctionDef)}


def _keep_literal(constants: dict, name: str, value: ast.expr | None) -> None:
    constants.pop(name, None)
    # What is computed is known only to the class itself.
    with contextlib.suppress(ValueError, TypeError):
        constants[name] = ast.literal_eval(value)
