"""Is there memory for a run? Asked before its first step, of the training and of every shape that is scored.

The training program is compiled anyway, and the compiler says what it takes. Of what is scored the longest shape is
traced, which bounds what any of them can hold at once; they are compiled beforehand only where that comes near to what
there is. So a small run begins no later than without it. Of several processes each asks for its own devices, and says
nothing to the others: one that has no room ends, and they notice.
"""

from collections.abc import Sequence

import jax

from posbench.devices import live, memory, programs, topology
from posbench.devices.programs import Program

# A bound below this share of the memory is not looked at more closely: rows of shorter shapes may be twice as many
# tokens, and compilers pad.
SAFE = 0.25


class NoRoom(RuntimeError):
    """A program needs more memory than there is."""


def check(
    training: Sequence[Program],
    evaluation: Sequence[Program],
    devices: Sequence,
    *,
    train_less: str,
    evaluate_less: str,
) -> str:
    """A line with what is needed. NoRoom, one line, for the first program that a device has no room for.

    evaluation: the longest first. devices: those that a program is split over. The rest are what asks for less.
    """
    machine = topology.here(devices)
    said = [f'{program.name} {memory.show(_needed(program, machine, train_less))}' for program in training]
    if evaluation:
        bound = _bound(evaluation[0])
        if machine.limit is None or bound <= SAFE * machine.limit:
            said.append(f'evaluation below {memory.show(bound)}')
        else:
            needed = [_needed(program, machine, evaluate_less) for program in evaluation]
            said.append(f'evaluation {memory.show(max(needed))}')
    limit = '' if machine.limit is None else f', of {memory.show(machine.limit)}'
    return f'Memory of a device: {", ".join(said)}{limit}.'


def _bound(program: Program) -> int:
    """As if one device held all of it: what is split may be gathered, and a bias of all pairs is on each."""
    inputs = jax.tree.leaves(program.arguments, is_leaf=lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))
    given = sum(leaf.size * leaf.dtype.itemsize for leaf in inputs if isinstance(leaf, jax.ShapeDtypeStruct))
    return given + live.peak(programs.trace(program))


def _needed(program: Program, machine: topology.Machine, less: str) -> int:
    compiled = programs.compile_if_it_fits(program, machine)
    if isinstance(compiled, programs.TooLarge):
        needed, fits = compiled.refusal if compiled.asked is None else memory.show(compiled.asked), False
    else:
        count = sum(programs.memory_of(compiled).values())
        needed, fits = f'{memory.show(count)} a device', machine.limit is None or count <= machine.limit
    if not fits:
        there = '' if machine.limit is None else f', and {memory.show(machine.limit)} are left'
        raise NoRoom(f'{program.name} needs {needed}{there}; {less} asks for less')
    return count
