"""Encodings with one mistake: in which places of their source it can be, and how they take it up and lose it again.

For benchmarks/mutate_encodings.py, whose docstring says what counts.
"""

import ast
import contextlib
import functools
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

from benchmarks import mistakes
from posbench import encodings
from posbench.encodings import base

PACKAGE = 'posbench.encodings'
# From which both query and key are measured, one for all tokens of a block: it cancels, and saves range or rounding.
ORIGIN = re.compile(r'(first|centre|anchor)_BN?1')


class Mutant(NamedTuple):
    module: str
    line: int
    tree: ast.Module
    text: str
    # The same file, which raises an error where the place is used.
    probe: ast.Module


def of(name: str, kind: str, lines: set[tuple[str, int]], invariant: bool) -> Iterator[Iterator[Mutant]]:
    """Mutants of one kind: of an encoding's own file, then of those that it uses, then of all others that it runs.

    In each of the three the first few are far apart. `lines` are those that the encoding runs, `invariant` is what it
    claims about one more at all positions.
    """
    own = f'{PACKAGE}.{name}'
    run = {module for module, _ in lines} - {own, f'{PACKAGE}.base', PACKAGE}
    used = [module for module in _used_by(own) if module in run]
    for modules, needed in (([own], None), (used, lines), (sorted(run - set(used)), lines)):
        yield _spread(modules, kind, invariant, needed)


def _spread(modules: list[str], kind: str, invariant: bool, lines: set | None) -> Iterator[Mutant]:
    """At last the other factors of products: beside one of them alone the rest may have no meaning."""
    for first in (False, True):
        places = [(module, number) for module in modules for number in _places(module, kind, invariant, lines, first)]
        bits = max(len(places) - 1, 1).bit_length()
        for at in sorted(range(len(places)), key=lambda at: int(f'{at:0{bits}b}'[::-1], 2)):
            yield _mutant(*places[at], kind, first)


def _used_by(module: str) -> list[str]:
    """The modules of the package that a module imports, or that a class of it inherits from."""
    own = importlib.import_module(module)
    found = {parent.__module__ for parent in own.Encoding.__mro__[1:]}
    found |= {value.__name__ for value in vars(own).values() if inspect.ismodule(value)}
    return sorted(name for name in found - {module} if name.startswith(f'{PACKAGE}.'))


def tree_of(module: str) -> ast.Module:
    """The syntax of a module; every node knows its parent."""
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            child.parent = node
    return tree


def _places(module: str, kind: str, invariant: bool, lines: set | None, first: bool) -> list[int]:
    """Numbers of the nodes where a mistake of this kind can be made."""
    used, found = _names_of_numbers(), []
    for number, node in enumerate(ast.walk(tree_of(module))):
        functions = [around for around in _around(node) if isinstance(around, ast.FunctionDef)]
        if not functions or functions[-1].name == 'setup' or not all(_computes(f, used) for f in functions):
            continue
        if mistakes.of(node, kind, functions, invariant, first) is None or _is_no_number(node) or _is_size(node):
            continue
        if lines is None or any((module, n) in lines for n in range(node.lineno, node.end_lineno + 1)):
            found.append((node.lineno, number))
    return [number for _, number in sorted(found)]


def _around(node: ast.AST) -> Iterator[ast.AST]:
    while hasattr(node, 'parent'):
        node = node.parent
        yield node


@functools.cache
def _names_of_numbers() -> set[str]:
    """All names in the package that occur somewhere else than in the initial values of parameters."""
    names = set()

    def look(node):
        called = getattr(node, 'func', None)
        if isinstance(node, ast.Call) and 'param' in (getattr(called, 'attr', ''), getattr(called, 'id', '')):
            return
        names.add(getattr(node, 'attr', getattr(node, 'id', None)))
        for child in ast.iter_child_nodes(node):
            look(child)

    for tree in _trees():
        look(tree)
    return names


def _computes(function: ast.FunctionDef, used: set[str]) -> bool:
    """Whether a function makes numbers, not claims (properties), layers' plans or initial values."""
    if any(isinstance(decorator, ast.Name) and decorator.id == 'property' for decorator in function.decorator_list):
        return False
    if function.name in ('has', 'at', 'parts', 'check_positions') or 'rng' in mistakes.arguments(function):
        return False
    return function.name in used or hasattr(base.PositionEncoding, function.name)


def _is_no_number(node: ast.AST) -> bool:
    """In an annotation, a message, the check of an option, a bit mask, the counter of a loop, or only looked at."""
    child = node
    for around in _around(node):
        if isinstance(around, ast.Raise | ast.JoinedStr | ast.arguments | ast.AnnAssign):
            return True
        if isinstance(around, ast.If) and isinstance(around.body[-1], ast.Raise):
            return child is around.test
        if isinstance(around, ast.FunctionDef) and child is around.returns:
            return True
        if isinstance(around, ast.Assign) and ORIGIN.match(ast.unparse(around.targets[0])):
            return True
        if isinstance(around, ast.BinOp) and isinstance(around.op, ast.BitAnd) and _is_constant(child):
            return True
        if isinstance(around, ast.Call) and child in around.args and _is_ignored(around, around.args.index(child)):
            return True
        child = around
    return _counts(node)


def _is_size(node: ast.AST) -> bool:
    """Of an array: a wrong one raises an error, or takes another way to the same numbers."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.FloorDiv):
        sides = (node.left, node.right)
        return any(map(_is_size, sides)) and all(_is_size(side) or isinstance(side, ast.Constant) for side in sides)
    if isinstance(node, ast.UnaryOp):
        return _is_size(node.operand)
    if isinstance(node, ast.Name):
        return any(node.id in _sizes(around) for around in _around(node) if isinstance(around, ast.FunctionDef))
    return isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == 'shape'


def _sizes(function: ast.FunctionDef) -> set[str]:
    """Names of numbers that are taken from shapes."""
    names = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            targets, values = node.targets, [node.value]
            if isinstance(targets[0], ast.Tuple):
                targets = targets[0].elts
                values = node.value.elts if isinstance(node.value, ast.Tuple) else len(targets) * values
            texts = [ast.unparse(value) for value in values]
            names |= {
                ast.unparse(t) for t, text in zip(targets, texts) if re.search(r'\.shape\b', text) and 'np.' not in text
            }
    return names


def _is_constant(node: ast.AST) -> bool:
    """Of a bit mask: where a float is cut into two parts moves nothing but roundings."""
    return not any(isinstance(n, ast.Name) for n in ast.walk(node))


def _is_ignored(call: ast.Call, number: int) -> bool:
    """Whether a function looks at nothing but the shape of an argument, or at whether it rises."""
    name = getattr(call.func, 'attr', getattr(call.func, 'id', ''))
    # clip(x, 0, rows - 1) is a row of a table: past the end jax takes the last one too.
    if name == 'clip' and number == 2 and re.search(r', 0, .* - 1\)$', ast.unparse(call)):
        return True
    if _signatures().get(name, [])[number : number + 1] == ['like']:
        return True
    return name == 'consecutive' or (name.endswith('_like') and number == 0)


@functools.cache
def _signatures() -> dict[str, list[str]]:
    """The arguments of all functions of the package."""
    functions = [node for tree in _trees() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return {function.name: mistakes.arguments(function) for function in functions}


def _trees() -> list[ast.Module]:
    return [ast.parse(path.read_text('utf-8')) for path in encodings.FOLDER.rglob('*.py')]


def _counts(node: ast.AST) -> bool:
    """Whether it is what a loop without a fixed number of rounds looks at: changed, it may never end."""
    for around in (node, *_around(node)):
        if isinstance(around, ast.AugAssign) and isinstance(around.parent, ast.While):
            return any(isinstance(n, ast.Name) and n.id == around.target.id for n in ast.walk(around.parent.test))
        if isinstance(around, ast.Return):
            function = around.parent
            looped = isinstance(around.value, ast.Tuple) and isinstance(function, ast.FunctionDef)
            first = looped and any(n is node for n in ast.walk(around.value.elts[0]))
            return first and f'while_loop(lambda state: state[0] > 0, {function.name}' in ast.unparse(function.parent)
    return False


def _mutant(module: str, number: int, kind: str, first: bool) -> Mutant:
    node = list(ast.walk(tree_of(module)))[number]
    functions = [around for around in _around(node) if isinstance(around, ast.FunctionDef)]
    new = mistakes.of(node, kind, functions, invariant=False, first=first)
    never = ast.parse('1 / 0').body[0]
    probe = _replaced(module, number, never if isinstance(node, ast.stmt) else never.value)
    text = f'{ast.unparse(node)} -> {ast.unparse(new)}'
    return Mutant(module, node.lineno, _replaced(module, number, new), text, probe)


def _replaced(module: str, number: int, new: ast.AST) -> ast.Module:
    tree = tree_of(module)
    node = list(ast.walk(tree))[number]

    class Replace(ast.NodeTransformer):
        def visit(self, visited):
            return new if visited is node else self.generic_visit(visited)

    return ast.fix_missing_locations(Replace().visit(tree))


@functools.cache
def _modules() -> list[str]:
    """All modules of the package, those that encodings share among them."""
    found = []
    for path in sorted(encodings.FOLDER.rglob('*.py')):
        parts = path.relative_to(encodings.FOLDER).with_suffix('').parts
        found.append('.'.join([PACKAGE, *parts]).removesuffix('.__init__'))
    return found


@contextlib.contextmanager
def changed(module: str, tree: ast.Module) -> Iterator[None]:
    """The changed code in place of a module's, and everything that is built on its classes built anew."""
    saved = {name: dict(vars(sys.modules[name])) for name in (module, *built_on(module))}
    try:
        exec(compile(tree, sys.modules[module].__file__, 'exec'), vars(sys.modules[module]))
        for name in list(saved)[1:]:
            code = compile(inspect.getsource(sys.modules[name]), sys.modules[name].__file__, 'exec')
            exec(code, vars(sys.modules[name]))
        yield
    finally:
        for name, contents in saved.items():
            vars(sys.modules[name]).clear()
            vars(sys.modules[name]).update(contents)


def built_on(module: str) -> list[str]:
    """The modules with classes that inherit from one of a module's, parents first."""
    found = {}
    for name in _modules():
        for value in vars(importlib.import_module(name)).values():
            own = isinstance(value, type) and value.__module__ == name != module
            if own and any(parent.__module__ == module for parent in value.__mro__[1:]):
                found[name] = max(len(value.__mro__), found.get(name, 0))
    return sorted(found, key=found.get)
