"""Where the time of a run goes: data, compute, evaluation, checkpoint; and what the compiler takes of each of them."""

import contextlib
import time
from collections.abc import Iterator

from posbench.devices import compiling

# What takes time, as the last line of a run says it.
SAYS = dict(compute='computing', data='on data', evaluation='validating', checkpoint='saving', compiling='compiling')


class Clock:
    """Seconds by what they went into. Nothing here waits for a device: what is timed ends with numbers on the host."""

    def __init__(self):
        self._begun = time.perf_counter()
        self._all, self._new = dict.fromkeys(SAYS, 0.0), {}

    @contextlib.contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Times what stands inside; the compiler's share of it is counted as such."""
        begun, before = time.perf_counter(), compiling.so_far()
        try:
            yield
        finally:
            seconds = time.perf_counter() - begun
            # Several may be at work at a time.
            compiler = min((compiling.so_far() - before).seconds, seconds)
            for name, more in ((part, seconds - compiler), ('compiling', compiler)):
                self._all[name] += more
                self._new[name] = self._new.get(name, 0.0) + more

    def take(self) -> dict[str, float]:
        """Seconds since the last time, of those parts that there were."""
        new, self._new = {name: seconds for name, seconds in self._new.items() if seconds}, {}
        return new

    def sentence(self) -> str:
        """What all of it took, in one line, and what this process has compiled, before the first step too."""
        whole, compiled = time.perf_counter() - self._begun, compiling.so_far()
        parts = [f'{seconds:.1f} s {SAYS[name]}' for name, seconds in self._all.items() if name != 'compiling']
        found = f', {compiled.found} of them found in the cache' if compiled.found else ''
        return (
            f'Training took {whole:.1f} s: {", ".join(parts)}; {compiled.programs} programs were compiled in '
            f'{compiled.seconds:.1f} s{found}.'
        )
