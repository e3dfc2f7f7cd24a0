"""A wrong sign, an off-by-one distance, a dropped scale: what stands in place of an expression that has it right."""

import ast
import re
import sys

from posbench import encodings

KINDS = ('wrong sign', 'off by one', 'dropped scale')
FLIPPED = {ast.Add: ast.Sub, ast.Sub: ast.Add}
SCALES = ast.Mult | ast.Div | ast.Pow | ast.FloorDiv
# What one of query and key has, or both have together; and what each of them has, by the same function.
BETWEEN = re.compile(r'(pos_[qkxy]|distance|offset|ahead|steps|tokens|counted|position)(_|$)')
OF_EACH = re.compile(r'(pos|place)(_|$)')
# A constant that keeps 0 out of a division or a root.
GUARD = 1e-5


def of(
    node: ast.AST, kind: str, functions: list[ast.FunctionDef], invariant: bool, first: bool = False
) -> ast.AST | None:
    """What stands in place of a node, or None where nothing of this kind can be wrong.

    `functions` are those around it, the innermost first. `first`: of a product the first factor is dropped.
    """
    if kind == 'wrong sign':
        return None if first else _wrong_sign(node)
    if kind == 'off by one':
        return None if first else _off_by_one(node, functions, invariant)
    return _without_scale(node, first)


def _wrong_sign(node):
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        # axis=-1 and the like are no signs.
        whole = isinstance(node.operand, ast.Constant) and isinstance(node.operand.value, int)
        # An angle is the same with a full turn more, but not on the same side of it.
        turn = ast.unparse(node.operand) == 'TURN' and not isinstance(node.parent, ast.Compare)
        return None if whole or turn else node.operand
    if isinstance(node, ast.BinOp) and type(node.op) in FLIPPED and not _guards(node.left) and not _guards(node.right):
        return ast.BinOp(node.left, FLIPPED[type(node.op)](), node.right)
    if isinstance(node, ast.AugAssign) and type(node.op) in FLIPPED and not _guards(node.value):
        return ast.AugAssign(node.target, FLIPPED[type(node.op)](), node.value)
    return None


def _guards(node: ast.AST) -> bool:
    """Whether it is a number below `GUARD`, or a name of one."""
    if isinstance(node, ast.Name) and node.id.isupper():
        package = [module for name, module in sys.modules.items() if name.startswith(encodings.__name__)]
        return min(abs(getattr(module, node.id, 1.0)) for module in package) <= GUARD
    return isinstance(node, ast.Constant) and isinstance(node.value, float) and abs(node.value) <= GUARD


def _off_by_one(node, functions, invariant):
    if isinstance(node, ast.Call):
        return _one_late(node, functions)
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, 'id', '')
    if not isinstance(getattr(node, 'ctx', None), ast.Load) or not (BETWEEN.match(name) or OF_EACH.match(name)):
        return None
    if isinstance(node.parent, ast.Attribute) and node.parent.attr in ('shape', 'ndim', 'dtype'):
        return None
    if name in {path.stem for path in encodings.FOLDER.rglob('*.py')} or functions[-1].name == 'consecutive':
        return None
    # Both queries and keys one further on is the same distance.
    if any('role' in arguments(function) for function in functions):
        one = "(role == 'key')"
    elif BETWEEN.match(name) or not invariant:
        one = '1'
    else:
        return None
    return ast.BinOp(node, ast.Add(), ast.parse(one, mode='eval').body)


def _one_late(node: ast.Call, functions: list[ast.FunctionDef]):
    """A running sum, a convolution or a number in a row of numbers that is one too far."""
    called, given = ast.unparse(node.func), [ast.unparse(argument) for argument in node.args]
    old = ast.unparse(node)
    if called in ('running.total', 'running.convolve'):
        # A sum is a tree of two arrays.
        new = f'jax.tree.map(lambda x: running.before(x, {given[-1]}, 1), {old})'
    elif called == 'running.before':
        new = f'running.before({given[0]}, {given[1]}, {given[2]} + 1)'
    elif called in ('jax.lax.cumsum', 'jnp.cumsum'):
        new = f'({old} - {given[0]})'
    elif called in ('jnp.triu', 'jnp.tril'):
        new = f'{called}({given[0]}, {given[1]} + 1)'
    # In `accumulate` it counts queries and keys alike.
    elif called in ('jnp.arange', 'np.arange') and functions[-1].name != 'accumulate':
        new = f'({old} + 1)'
    else:
        return None
    return ast.parse(new, mode='eval').body


def _without_scale(node, first):
    if first and not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)):
        return None
    if isinstance(node, ast.AugAssign) and isinstance(node.op, SCALES):
        return ast.Pass()
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, SCALES):
        return None
    # A tuple times a number is no product.
    if any(isinstance(side, ast.Tuple | ast.List) for side in (node.left, node.right)):
        return None
    return node.right if first != isinstance(node.left, ast.Constant) else node.left


def arguments(function: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)]
