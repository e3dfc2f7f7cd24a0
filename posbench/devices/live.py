"""What a traced program holds in memory at once, at most, without being compiled: a bound that costs no time.

Values are kept from the equation that makes them to the last one that reads them, in the order of the trace. Compilers
fuse equations, so that many values are never there.
"""

from typing import Any

import jax
import numpy as np
from jax.extend import core

from posbench.devices import traced


def peak(program: Any) -> int:
    """Bytes of all devices together, without the program's inputs."""
    program = getattr(program, 'jaxpr', program)
    equations, last = traced.equations(program), {}
    for number, equation in enumerate(equations):
        last |= {atom: number for atom in equation.invars if isinstance(atom, core.Var)}
    last |= {atom: len(equations) for atom in program.outvars if isinstance(atom, core.Var)}
    # By the equation behind which nobody reads them any more.
    ends: dict[int, list[Any]] = {}
    made = {variable: number for number, equation in enumerate(equations) for variable in equation.outvars}
    for variable, number in made.items():
        ends.setdefault(last.get(variable, number), []).append(variable)
    held = most = 0
    for number, equation in enumerate(equations):
        held += sum(map(_bytes, equation.outvars))
        most = max(most, held + traced.parts(equation) * max(map(peak, traced.inside(equation)), default=0))
        held -= sum(map(_bytes, ends.get(number, ())))
    return most


def _bytes(variable: Any) -> int:
    shape, kind = getattr(variable.aval, 'shape', ()), getattr(variable.aval, 'dtype', None)
    if kind is None:
        return 0
    # A key is two numbers of 32 bits.
    size = 8 if jax.dtypes.issubdtype(kind, jax.dtypes.prng_key) else kind.itemsize
    return int(np.prod(shape, dtype=np.int64)) * size
