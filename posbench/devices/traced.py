"""What stands inside of the equations of a traced program: the programs of loops, branches and parts of a mesh."""

import math
from typing import Any

import jax


def equations(program: Any) -> list[Any]:
    """Those of a program, open or closed."""
    return getattr(program, 'jaxpr', program).eqns


def inside(equation: Any) -> list[Any]:
    """The programs that an equation runs."""
    return [value for value in jax.tree.leaves(equation.params, is_leaf=_is_program) if _is_program(value)]


def parts(equation: Any) -> int:
    """How many devices run what is inside, each on its part: 1 but for a shard_map."""
    if equation.primitive.name != 'shard_map':
        return 1
    return math.prod(equation.params['mesh'].shape[axis] for axis in equation.params['newly_manual_axes'])


def _is_program(value: Any) -> bool:
    return hasattr(value, 'eqns') or hasattr(value, 'jaxpr')
