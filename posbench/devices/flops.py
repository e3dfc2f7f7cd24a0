"""Floating-point operations of a traced program: those of its products, two for each term, as everybody counts them."""

import math
from typing import Any

from posbench.devices import traced


def of(program: Any) -> float:
    """Of all devices together. A loop counts as often as it turns, one whose turns are an argument once: of the steps
    of a call, one. What a gradient computes again is in the trace, and counts.
    """
    return sum(_of_equation(equation) for equation in traced.equations(program))


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
    inside = [of(program) for program in traced.inside(equation)]
    if not inside:
        return 0.0
    # Of the branches of a condition one is taken.
    return _times(equation) * (max(inside) if name == 'cond' else sum(inside))


def _times(equation: Any) -> int:
    name, of_it = equation.primitive.name, equation.params
    if name == 'scan':
        return of_it['length']
    if name == 'pallas_call':
        return math.prod(of_it['grid_mapping'].grid)
    return traced.parts(equation)
