"""Runs as processes of this machine, side by side, each on cores of its own."""

from collections.abc import Sequence

from posbench.runs import cores
from posbench.runs.executors import base


class Executor(base.Executor):
    """As many places as --jobs says, which share the cores."""

    def __init__(self, request, options):
        super().__init__(request, options)
        self._shares = cores.shares(request.jobs or 1)
        self._at_work: dict[int, base.Started] = {}
        self.places = len(self._shares)

    def begin(self, attempts: Sequence[base.Attempt]) -> list[base.Started]:
        self._at_work = {place: call for place, call in self._at_work.items() if call.child.code is None}
        free = [place for place in range(self.places) if place not in self._at_work]
        calls = []
        for attempt, place in zip(attempts, free, strict=False):
            self._at_work[place] = attempt.start(self.runner, self._shares[place])
            calls.append(self._at_work[place])
        return calls
