"""Is there memory for a run? Asked before its first step, of the training and of every shape that is scored.

The training program is compiled anyway, and the compiler says what it takes. Of what is scored the longest shape is
traced, which bounds what any of them can hold at once; they are compiled beforehand only where that comes near to what
there is. So a small run begins no later than without it.
"""

from collections.abc import Sequence

from posbench.devices import live, memory, programs, topology
from posbench.devices.programs import Program

# A bound below this share of the memory is not looked at more closely: rows of shorter shapes may be twice as many
# tokens, and compilers pad.
SAFE = 0.25


class NoRoom(RuntimeError):
    """A program needs more memory than there is."""


def check(
    training: Sequence[Program], evaluation: Sequence[Program], devices: int, *, train_less: str, evaluate_less: str
) -> str:
    """A line with what is needed. NoRoom, one line, for the first program that a device has no room for.

    evaluation: the longest first. devices: how many a program is split over. The rest are what asks for less.
    """
    machine = topology.here()
    said = [f'{program.name} {memory.show(_needed(program, machine, devices, train_less))}' for program in training]
    if evaluation:
        bound = _bound(evaluation[0], devices)
        if machine.limit is None or bound <= SAFE * machine.limit:
            said.append(f'evaluation below {memory.show(bound)}')
        else:
            needed = [_needed(program, machine, devices, evaluate_less) for program in evaluation]
            said.append(f'evaluation {memory.show(max(needed))}')
    limit = '' if machine.limit is None else f', of {memory.show(machine.limit)}'
    return f'Memory of a device: {", ".join(said)}{limit}.'


def _bound(program: Program, devices: int) -> int:
    traced = program.function.trace(*program.arguments)
    inputs = sum(variable.aval.size * variable.aval.dtype.itemsize for variable in traced.jaxpr.jaxpr.invars
                 if hasattr(variable.aval.dtype, 'itemsize'))  # fmt: skip
    return inputs + live.peak(traced.jaxpr) // devices


def _needed(program: Program, machine: topology.Machine, devices: int, less: str) -> int:
    found = programs.cost(program, machine, devices)
    if found.fits(machine):
        return found.memory
    needed = found.refusal if found.memory is None else f'{memory.show(found.memory)} a device'
    there = '' if machine.limit is None else f', and {memory.show(machine.limit)} are left'
    raise NoRoom(f'{program.name} needs {needed}{there}; {less} asks for less')
