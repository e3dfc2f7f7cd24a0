"""Floating-point operations of a traced program: those of its products, two for each term, as everybody counts them."""

import math
from collections.abc import Iterator
from typing import Any

import jax


def of(program: Any) -> float:
    """Of all devices together. A loop counts as often as it turns, one whose turns are an argument once: of the steps
    of a call, one. What a gradient computes again is in the trace, and counts.
    """
    program = getattr(program, 'jaxpr', program)
    return sum(_of_equation(equation) for equation in program.eqns)


def _of_equation(equation: Any) -> float:
    name, of_it = equation.primitive.name, equation.params
    if name == 'dot_general':
        (contracted, _), _ = of_it['dimension_numbers']
        terms = math.prod(equation.invars[0].aval.shape[axis] for axis in contracted)
        return 2.0 * terms * math.prod(equation.outvars[0].aval.shape)
    if name == 'conv_general_dilated':
        kernel, numbers = equation.invars[1].aval.shape, of_it['dimension_numbers']
        terms = math.prod(kernel) / kernel[numbers.rhs_spec[0]]
        return 2.0 * terms * math.prod(equation.outvars[0].aval.shape)
    inside = [of(program) for program in _programs(of_it)]
    if not inside:
        return 0.0
    # Of the branches of a condition one is taken.
    return _times(name, of_it) * (max(inside) if name == 'cond' else sum(inside))


def _times(name: str, of_it: dict[str, Any]) -> int:
    if name == 'scan':
        return of_it['length']
    if name == 'shard_map':
        # The program of one part of the mesh.
        return math.prod(of_it['mesh'].shape[axis] for axis in of_it['newly_manual_axes'])
    if name == 'pallas_call':
        return math.prod(of_it['grid_mapping'].grid)
    return of_it.get('axis_size', 1) if name == 'xla_pmap' else 1


def _programs(of_it: dict[str, Any]) -> Iterator[Any]:
    for value in jax.tree.leaves(of_it, is_leaf=_is_program):
        if _is_program(value):
            yield value


def _is_program(value: Any) -> bool:
    return hasattr(value, 'eqns') or hasattr(value, 'jaxpr')
