"""How many programs this process has compiled, and how long that took, as JAX itself counts."""

import functools
from typing import NamedTuple

import jax.monitoring


class Compiled(NamedTuple):
    """Programs that were compiled or found in the cache on disk, those found, and the seconds of both."""

    programs: int
    found: int
    seconds: float

    def __sub__(self, before: 'Compiled') -> 'Compiled':
        return Compiled(*(now - then for now, then in zip(self, before)))


def so_far() -> Compiled:
    """Since the first time that anybody asked."""
    return Compiled(*_counts())


@functools.cache
def _counts() -> list:
    counts = [0, 0, 0.0]

    def took(event: str, seconds: float, **_) -> None:
        if event == '/jax/core/compile/backend_compile_duration':
            counts[0] += 1
            counts[2] += seconds

    def happened(event: str, **_) -> None:
        counts[1] += event == '/jax/compilation_cache/cache_hits'

    jax.monitoring.register_event_duration_secs_listener(took)
    jax.monitoring.register_event_listener(happened)
    return counts
