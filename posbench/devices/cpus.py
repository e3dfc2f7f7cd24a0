"""How many cores a process may use. Imports nothing but the standard library."""

import os

# What tells XLA how many threads it may have on a CPU, where the system does not keep a process to some cores.
THREADS = 'PJRT_NPROC'


def count() -> int:
    """Cores that this process may use; 1 where the system does not say. No more than XLA was told that it may have."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else 1
    told = os.environ.get(THREADS, '')
    return min(there, int(told)) if told.isascii() and told.isdecimal() and int(told) else there
