"""What a traced program holds in memory at once, at most, without being compiled: a bound that costs no time.

Values are kept from the equation that makes them to the last one that reads them, in the order of the trace. Compilers
fuse equations, so that many values are never there.
"""

from typing import Any

import jax
import numpy as np
from jax.extend import core


def peak(program: Any) -> int:
    """Bytes of all devices together, without the program's inputs."""
    program = getattr(program, 'jaxpr', program)
    last: dict[Any, int] = {}
    for number, equation in enumerate(program.eqns):
        last |= {atom: number for atom in equation.invars if isinstance(atom, core.Var)}
    last |= {atom: len(program.eqns) for atom in program.outvars if isinstance(atom, core.Var)}
    # By the equation behind which nobody reads them any more.
    ends: dict[int, list[Any]] = {}
    made = {variable: number for number, equation in enumerate(program.eqns) for variable in equation.outvars}
    for variable, number in made.items():
        ends.setdefault(last.get(variable, number), []).append(variable)
    held = most = 0
    for number, equation in enumerate(program.eqns):
        held += sum(map(_bytes, equation.outvars))
        most = max(most, held + max(map(peak, _programs(equation)), default=0))
        held -= sum(map(_bytes, ends.get(number, ())))
    return most


def _programs(equation: Any) -> list[Any]:
    leaves = jax.tree.leaves(equation.params, is_leaf=lambda x: hasattr(x, 'eqns') or hasattr(x, 'jaxpr'))
    return [leaf for leaf in leaves if hasattr(leaf, 'eqns') or hasattr(leaf, 'jaxpr')]


def _bytes(variable: Any) -> int:
    shape, kind = getattr(variable.aval, 'shape', ()), getattr(variable.aval, 'dtype', None)
    if kind is None:
        return 0
    # A key is two numbers of 32 bits.
    size = 8 if jax.dtypes.issubdtype(kind, jax.dtypes.prng_key) else kind.itemsize
    return int(np.prod(shape, dtype=np.int64)) * size
