"""From the annotation of an option to the knob that it stands for. Understood are

    int   float   bool   str   Path   str | Path   Literal['a', 'b']   Nested   Combined
    tuple[int, ...]   tuple[float, ...]   tuple[int, int]   tuple[str, ...]
    Annotated[<one of these>, Range(...), UNIQUE, INCREASING, ANY_NUMBER]   <one of these> | None

and a name that the same file, or another one of the package, gives to one of these.
"""

import ast
import pathlib

from posbench.knobs import kinds, source
from posbench.knobs.kinds import Knob, Mark, Range

# The knobs of an option that is an encoding, or a combination; the knobs of the one that is chosen take its place.
NESTED, COMBINED = kinds.Inner('encoding'), kinds.Inner('combination')
MARKS = {'UNIQUE': kinds.UNIQUE, 'INCREASING': kinds.INCREASING, 'ANY_NUMBER': kinds.ANY_NUMBER}


def knob(
    node: ast.expr | None,
    path: pathlib.Path,
    package: pathlib.Path,
    allowed: Range = Range(),
    marks: frozenset[Mark] = frozenset(),
) -> Knob:
    """The knob of an annotation that stands in the file `path`; `allowed` and `marks` are what stood around it.

    Raises ValueError, with the part that is not understood.
    """

    def inside(inner, allowed=allowed, marks=marks):
        return knob(inner, path, package, allowed, marks)

    match node:
        case ast.Name(id='int'):
            return kinds.Int(allowed)
        case ast.Name(id='float'):
            return kinds.Float(allowed)
        case ast.Name(id='bool'):
            return kinds.Bool()
        case ast.Name(id='str'):
            return kinds.Text()
        case ast.Name(id='Path') | ast.Attribute(attr='Path'):
            return kinds.Path()
        case ast.Name(id='Nested') | ast.Attribute(attr='Nested'):
            return NESTED
        case ast.Name(id='Combined') | ast.Attribute(attr='Combined'):
            return COMBINED
        case ast.BinOp(left=ast.Name(id='str'), op=ast.BitOr(), right=ast.Name(id='Path')):
            return kinds.Path()
        case ast.BinOp(left=inner, op=ast.BitOr(), right=ast.Constant(value=None)):
            return kinds.Optional(inside(inner))
        case ast.Subscript(value=ast.Name(id='Literal'), slice=values):
            choices = ast.literal_eval(values)
            return kinds.Choice(choices if isinstance(choices, tuple) else (choices,))
        case ast.Subscript(value=ast.Name(id='Annotated'), slice=ast.Tuple(elts=[inner, *limits])) if limits:
            return inside(inner, *_limits(limits))
        case ast.Subscript(value=ast.Name(id='tuple'), slice=ast.Tuple(elts=[inner, ast.Constant(value=value)])) if (
            value is ...
        ):
            return kinds.Tuple(_item(inside(inner, marks=frozenset()), node), marks=marks)
        case ast.Subscript(value=ast.Name(id='tuple'), slice=ast.Tuple(elts=[inner, *others])) if all(
            ast.dump(other) == ast.dump(inner) for other in others
        ):
            item = _item(inside(inner, marks=frozenset()), node)
            return kinds.Tuple(item, length=1 + len(others), marks=marks)
        case ast.Name() | ast.Attribute():
            found = source.find_alias(path, node, package)
            if found is not None:
                return knob(found[1], found[0], package, allowed, marks)
    raise ValueError(ast.unparse(node) if node else 'it has none')


def _item(item: Knob, node: ast.expr) -> Knob:
    if isinstance(item, kinds.Int | kinds.Float | kinds.Text):
        return item
    raise ValueError(ast.unparse(node))


def _limits(nodes: list[ast.expr]) -> tuple[Range, frozenset[Mark]]:
    allowed, marks = Range(), set()
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id='Range') | ast.Attribute(attr='Range'), args=[], keywords=limits):
                try:
                    allowed = Range(**{limit.arg: ast.literal_eval(limit.value) for limit in limits})
                except TypeError:
                    raise ValueError(ast.unparse(node)) from None
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in MARKS:
                marks.add(MARKS[name])
            case _:
                raise ValueError(ast.unparse(node))
    return allowed, frozenset(marks)
