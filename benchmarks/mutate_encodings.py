"""Breaks every encoding in its source, in three ways, and asks the oracles whether they notice.

    python -m benchmarks.mutate_encodings [--most=3] [ENCODING ...]

A wrong sign (+ for -, or a minus dropped), an off-by-one distance (a position, or an index of running sums, that is one
too high), and a dropped scale (one side of a product, quotient or power). A mutant is one changed place in the file of
an encoding, in a function of another file that it calls by name, or in the class that it is built on; up to `--most`
places of each kind, spread over all there are. It is caught when a comparison of tests/encodings/test_oracles.py
fails or the encoding cannot be built any more. Exit code 0 if all are caught.
"""

import argparse
import ast
import contextlib
import copy
import importlib
import inspect
import sys
import types
from collections.abc import Iterator
from typing import NamedTuple

import tests.conftest  # noqa: F401 (compiles cheaply)
from posbench import encodings
from posbench.encodings import base
from tests.encodings import oracles, test_oracles

KINDS = ('wrong sign', 'off by one', 'dropped scale')
POSITIONS = ('pos_BL', 'pos_q_BL', 'pos_k_BM', 'pos_BM', 'distance', 'distance_BLM', 'distance_N', 'offset_BLM')
FLIPPED = {ast.Add: ast.Sub, ast.Sub: ast.Add}


class Mutant(NamedTuple):
    kind: str
    module: types.ModuleType
    line: int
    tree: ast.Module
    text: str


def sources(name: str) -> list[tuple[types.ModuleType, list[str] | None]]:
    """The modules that an encoding is made of, and which of their functions count; None: all of them."""
    module = importlib.import_module(f'posbench.encodings.{name}')
    found = [(module, None)]
    for parent in module.Encoding.__mro__[1:]:
        owner = sys.modules[parent.__module__]
        if owner.__name__.startswith('posbench.encodings.') and owner not in (base, module):
            found.append((owner, None))
    called: dict[str, list[str]] = {}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            called.setdefault(node.value.id, []).append(node.attr)
    for alias, functions in called.items():
        owner = getattr(module, alias, None)
        if isinstance(owner, types.ModuleType) and owner.__name__.startswith('posbench.encodings.') and owner != base:
            found.append((owner, functions))
    return found


def mutants(name: str, most: int) -> Iterator[Mutant]:
    """Up to `most` places of each kind, from the encoding's own file first."""
    for kind in KINDS:
        places = [
            (module, number)
            for module, functions in sources(name)
            for number in _places(ast.parse(inspect.getsource(module)), kind, functions)
        ]
        own = [place for place in places if place[0].__name__.endswith(f'.{name}')] or places
        step = max(len(own) / most, 1)
        for at in range(min(most, len(own))):
            module, number = own[int(at * step)]
            yield _mutant(module, kind, number)


def _nodes(tree: ast.Module) -> list[ast.AST]:
    return list(ast.walk(tree))


def _places(tree: ast.Module, kind: str, functions: list[str] | None) -> list[int]:
    """Numbers of the nodes where a mutation of this kind can be made, inside functions that count."""
    nodes = _nodes(tree)
    number_of = {id(node): number for number, node in enumerate(nodes)}
    found = []
    for function in nodes:
        if not isinstance(function, ast.FunctionDef) or function.name in ('setup', 'has', 'at', 'parts'):
            continue
        if functions is not None and function.name not in functions:
            continue
        if any(isinstance(decorator, ast.Name) and decorator.id == 'property' for decorator in function.decorator_list):
            continue
        skipped = {id(n) for node in ast.walk(function) for n in _of_no_value(node)}
        for node in ast.walk(function):
            if id(node) not in skipped and _fits(node, kind):
                found.append(number_of[id(node)])
    return sorted(set(found))


def _of_no_value(node: ast.AST) -> list[ast.AST]:
    """What stands in annotations, messages and subscripts of shapes: a change there is no change of a number."""
    if isinstance(node, ast.FunctionDef):
        return [n for argument in node.args.args for n in ast.walk(argument)]
    if isinstance(node, ast.Raise | ast.JoinedStr | ast.Assert | ast.Compare):
        return list(ast.walk(node))
    if isinstance(node, ast.Attribute) and node.attr in ('shape', 'ndim', 'dtype'):
        return list(ast.walk(node))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [node]
    return []


def _fits(node: ast.AST, kind: str) -> bool:
    if kind == 'wrong sign':
        return (isinstance(node, ast.BinOp) and type(node.op) in FLIPPED) or (
            isinstance(node, ast.UnaryOp)
            and isinstance(node.op, ast.USub)
            # axis=-1 and the like are no signs.
            and not (isinstance(node.operand, ast.Constant) and isinstance(node.operand.value, int))
        )
    if kind == 'off by one':
        named = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in POSITIONS
        return named or (isinstance(node, ast.Attribute) and node.attr in POSITIONS)
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div | ast.Pow)


def _arguments(tree: ast.Module, node: ast.AST) -> list[str]:
    """Of the innermost function around a node."""
    around = [f for f in _nodes(tree) if isinstance(f, ast.FunctionDef) and any(n is node for n in ast.walk(f))]
    return [argument.arg for argument in around[-1].args.args] if around else []


def _mutant(module: types.ModuleType, kind: str, number: int) -> Mutant:
    tree = copy.deepcopy(ast.parse(inspect.getsource(module)))
    node = _nodes(tree)[number]
    before = ast.unparse(node)
    if kind == 'wrong sign':
        new = (
            node.operand
            if isinstance(node, ast.UnaryOp)
            else ast.BinOp(node.left, FLIPPED[type(node.op)](), node.right)
        )
    elif kind == 'off by one':
        # Both queries and keys one further on is the same distance.
        one = "(role == 'key')" if 'role' in _arguments(tree, node) else '1'
        new = ast.BinOp(node, ast.Add(), ast.parse(one, mode='eval').body)
    else:
        new = node.right if isinstance(node.left, ast.Constant) else node.left

    class Replace(ast.NodeTransformer):
        def visit(self, visited):
            return new if visited is node else self.generic_visit(visited)

    tree = ast.fix_missing_locations(Replace().visit(tree))
    return Mutant(kind, module, node.lineno, tree, f'{before} -> {ast.unparse(new)}')


@contextlib.contextmanager
def mutated(mutant: Mutant) -> Iterator[None]:
    """The changed code in place of the module's, and everything built on it built anew."""
    broken = [mutant.module.__name__]
    for name in encodings.names():
        module = importlib.import_module(f'posbench.encodings.{name}')
        if any(parent.__module__ == mutant.module.__name__ for parent in module.Encoding.__mro__[1:]):
            broken.append(module.__name__)
    saved = {name: dict(vars(sys.modules[name])) for name in broken}
    try:
        exec(compile(mutant.tree, mutant.module.__file__, 'exec'), vars(mutant.module))
        for name in broken[1:]:
            exec(compile(inspect.getsource(sys.modules[name]), name, 'exec'), vars(sys.modules[name]))
        yield
    finally:
        for name, contents in saved.items():
            vars(sys.modules[name]).clear()
            vars(sys.modules[name]).update(contents)


def noticed(name: str) -> bool:
    """Whether some comparison with the oracle fails."""
    for options in oracles.settings(name):
        for length in (12, 48):
            try:
                for errors in (test_oracles.logit_errors, test_oracles.layer_errors):
                    if any(not error <= test_oracles.TOLERANCE for error in errors(name, options, length).values()):
                        return True
            except Exception:
                return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('encodings', nargs='*', default=encodings.names())
    parser.add_argument('--most', type=int, default=1)
    flags = parser.parse_args()
    survived, made = 0, 0
    for name in flags.encodings:
        if noticed(name):
            print(f'{name}: the oracle disagrees before anything was changed')
            return 1
        verdicts = []
        for mutant in mutants(name, flags.most):
            with mutated(mutant):
                caught = noticed(name)
            made, survived = made + 1, survived + (not caught)
            verdicts.append('caught' if caught else 'SURVIVED')
            if not caught:
                file = mutant.module.__name__.removeprefix('posbench.encodings.')
                print(f'  {name}: {mutant.kind} SURVIVED at {file}:{mutant.line}: {mutant.text}', flush=True)
        print(f'{name:24} {len(verdicts)} mutants: {", ".join(verdicts) or "nothing to break"}', flush=True)
    print(f'{made - survived} of {made} mutants were caught')
    return 1 if survived else 0


if __name__ == '__main__':
    sys.exit(main())
