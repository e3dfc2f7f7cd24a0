"""How runs that go on side by side share a machine: each has as many cores, and as much of a GPU's memory, as another.

As many, because XLA splits work over the cores that it finds, and sums in another order give other bits: which place a
run gets must not decide what it computes. Cores that are left over stay idle.
"""

import os
import types
from collections.abc import Mapping
from typing import NamedTuple

from posbench.devices import cpus
from posbench.runs import process

# What XLA takes of a GPU's memory if nobody says otherwise is too much for two.
GPU_MEMORY = 'XLA_PYTHON_CLIENT_MEM_FRACTION'


class Share(NamedTuple):
    """The cores of one place, none where a process may use all that there are, and what its environment says."""

    cores: tuple[int, ...] = ()
    environment: Mapping[str, str] = types.MappingProxyType({})


def shares(places: int) -> list[Share]:
    """One for each of so many runs at a time; with more of them than cores some have the same one."""
    if places == 1:
        return [Share()]
    memory = of_gpu(1 / places)
    if not process.can_be_pinned():
        each = max(1, (os.cpu_count() or 1) // places)
        return [Share(environment=memory | {cpus.THREADS: str(each)})] * places
    there = sorted(os.sched_getaffinity(0))
    each = max(1, len(there) // places)
    firsts = [place * each % len(there) for place in range(places)]
    return [Share(tuple(there[first : first + each]), memory) for first in firsts]


def of_gpu(part: float) -> dict[str, str]:
    """The environment of a run that shares a GPU, unless somebody has said how much of its memory a run may have."""
    return {} if GPU_MEMORY in os.environ else {GPU_MEMORY: f'{0.9 * part:.3f}'}


def at_most(threads: int | None) -> dict[str, str]:
    """The environment of a run that may use so many cores, of a machine whose other ones are somebody else's.

    Where the system keeps it to them, as most clusters do, that is all; else XLA is told, and counts its devices by it.
    """
    if threads is None or threads >= cpus.count():
        return {}
    return {cpus.THREADS: str(threads)}
