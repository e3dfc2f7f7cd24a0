"""`--profile=N`: a trace of what the devices and the host do in some steps, for TensorBoard and Perfetto."""

import contextlib
import pathlib
from collections.abc import Callable, Iterator

import jax

from posbench.devices import parallel

NAME = 'profile'


class Profile:
    """Traces the calls of steps of one process until there are `steps` of them, whole calls, if it is asked for any.

    The first call is left out where others follow: it is about compiling, and about memory that nobody has asked for
    before. The numbers of a run do not depend on it.
    """

    def __init__(self, folder: pathlib.Path, steps: int | None, say: Callable[[str], None]):
        self._folder, self._left, self._say = folder / NAME, steps or 0, say
        self._calls, self._first = 0, 0

    @contextlib.contextmanager
    def of(self, at: int, count: int, *, last: bool) -> Iterator[None]:
        """Traces what stands inside, `count` steps after `at`, if it is their turn. `last`: no other call follows."""
        self._calls += 1
        if not self._left or (self._calls == 1 and not last) or not parallel.is_first():
            yield
            return
        if not self._first:
            self._first = at + 1
            jax.profiler.start_trace(self._folder, create_perfetto_trace=True)
        try:
            yield
        finally:
            self._left = max(self._left - count, 0)
            if not self._left or last:
                self._end(at + count)

    def _end(self, at: int) -> None:
        self._left = 0
        jax.profiler.stop_trace()
        self._say(
            f'Profile of steps {self._first} to {at}: tensorboard --logdir={self._folder}, or for Perfetto the '
            'perfetto_trace.json.gz in it.'
        )
