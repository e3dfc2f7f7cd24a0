"""The program that makes an output, as text: whatever else is computed beside it is left out, and nothing is compiled.

Two programs with one text give the same numbers.
"""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from jax.interpreters import partial_eval


def texts(function: Callable, *arguments: Any) -> dict[str, str]:
    """The program of each leaf of what a function returns, by its path."""
    traced, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(shapes)]
    return {path: _text(traced, [other == path for other in paths]) for path in paths}


def text(function: Callable, *arguments: Any, wanted: Callable[[str], bool] = lambda path: True) -> str:
    """One program, of all leaves whose path is wanted."""
    traced, shapes = jax.make_jaxpr(function, return_shape=True)(*arguments)
    return _text(traced, [wanted(jax.tree_util.keystr(path)) for path, _ in jax.tree.leaves_with_path(shapes)])


def whole_text(function: Callable, *arguments: Any) -> str:
    """The program with all that it computes, whether anything comes of it or not."""
    traced = jax.make_jaxpr(function)(*arguments)
    return f'{_written(traced.jaxpr)}\n{[_plain(value) for value in traced.consts]}'


def equations(program: Any) -> Iterator[Any]:
    """Every equation of a traced program and of all programs inside it."""
    for equation in program.eqns:
        yield equation
        for value in jax.tree.leaves(equation.params, is_leaf=_is_program):
            if _is_program(value):
                yield from equations(getattr(value, 'jaxpr', value))


def _is_program(value: Any) -> bool:
    return hasattr(value, 'eqns') or hasattr(value, 'jaxpr')


def _text(traced, used: list[bool]) -> str:
    program, constants, _ = partial_eval.dce_jaxpr_consts(traced.jaxpr, used)
    return f'{_written(program)}\n{[_plain(value) for value, is_used in zip(traced.consts, constants) if is_used]}'


def _written(program: Any) -> str:
    """JAX writes a program once that it holds in memory once, and whether it does depends on what ran before."""
    number = {}

    def names(variables) -> str:
        return ' '.join(
            f'{number.setdefault(one, len(number))}:{one.aval}' if isinstance(one, core.Var) else str(one)
            for one in variables
        )

    lines = [names([*program.constvars, *program.invars])]
    for equation in program.eqns:
        options = ' '.join(f'{name}={_option(value)}' for name, value in sorted(equation.params.items()))
        lines.append(f'{names(equation.outvars)} = {equation.primitive}[{options}] {names(equation.invars)}')
    return '\n'.join([*lines, names(program.outvars)])


def _option(value: Any) -> str:
    if _is_program(value):
        return f'({_written(getattr(value, "jaxpr", value))})'
    if isinstance(value, tuple | list):
        return f'[{", ".join(map(_option, value))}]'
    return getattr(value, '__name__', None) or str(value)


def _plain(value: Any) -> tuple:
    if jnp.issubdtype(jnp.result_type(value), jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    value = np.asarray(value)
    return value.shape, str(value.dtype), value.tobytes().hex()
