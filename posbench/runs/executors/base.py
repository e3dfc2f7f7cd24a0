"""What an executor is: it calls runs of a study wherever it likes, and tells how each call has ended.

That is all. Which runs there are, what waits for what, what is called again and what has failed is work.py's to say,
and is the same for all of them; queues, places and machines are the executor's own. A run resumes from its folder, so
that a call may be made on any machine that has the repository and that folder at the same place.
"""

import abc
import contextlib
import dataclasses
import os
import pathlib
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple, Protocol

from posbench import failures
from posbench.knobs.kinds import Knob
from posbench.runs import cores, locks, plan, process, workdir

# Seconds between two looks at a process, and how long a call waits for another process to leave the folder of its run,
# such as one that saves on a machine that was taken away.
TICK, PATIENCE = 0.05, 300.0
# How long files of another machine may take to be seen: NFS may keep for a minute that there were none.
LATE = 65.0
# What one of posbench's commands ends with where a signal told it to.
ASKED = (128 + signal.SIGINT, 128 + signal.SIGTERM)


class Ended(NamedTuple):
    """How a call has ended.

    code: the exit code, that of a signal negative; None where nobody saw it. words: what it said last, or what ended
    it. kind (of failures.WORDS) and reason: why there are no results, should there be none. again: whether something
    else than the run itself ended it, so that it is worth another call. calls: how often the executor has tried.
    """

    code: int | None
    seconds: float
    words: str
    kind: str = 'error'
    reason: str = ''
    again: bool = False
    calls: int = 1


class Call(Protocol):
    """A call under way. `says`: where, in words, '' where that goes without saying."""

    says: str
    waits: bool  # It has not begun, or is to begin anew.

    @property
    def seconds(self) -> float:
        """Since it has begun."""

    def ended(self) -> Ended | None:
        """How it has ended; None while it goes on."""


class Executor(abc.ABC):
    """A context manager. SIGTERM and SIGINT are noted in it, and handed on to the processes of this machine."""

    OPTIONS: ClassVar[Mapping[str, Knob]] = {}
    # Whether calls go on when this process has ended.
    OUTLIVES: ClassVar[bool] = False
    # Seconds until the files of a call that has ended are seen here.
    late: float = 0.0
    # How many calls may be under way at a time; None: as many as there are.
    places: int | None = None

    def __init__(self, request, options: Mapping[str, object]):
        self.runner = process.Runner()
        self._options = options

    def __enter__(self) -> 'Executor':
        self.runner.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self.runner.__exit__(*error)

    @abc.abstractmethod
    def begin(self, attempts: Sequence['Attempt']) -> list[Call]:
        """A call of each of these runs, at most as many as there are places left. UsageError where it takes none."""

    def found(self, attempts: Sequence['Attempt']) -> dict[str, Call]:
        """Calls of these runs that an earlier command has left under way, by the names of the runs."""
        return {}

    def stop(self, at_once: bool) -> None:  # noqa: B027
        """After a signal: has what is under way saved, where that is not done yet; `at_once` after a second one."""

    def left(self) -> str:
        """What goes on after this process, in words."""
        return ''


@dataclasses.dataclass(frozen=True)
class Attempt:
    """One call of a run that is still to be made: its name, folder and command, and the id that its rows will have."""

    name: str
    folder: pathlib.Path
    id: str
    command: tuple[str, ...]
    root: pathlib.Path
    timeout: float | None = None

    @classmethod
    def of(cls, one: plan.Planned, root: pathlib.Path, timeout: float | None) -> 'Attempt':
        return cls(one.name, one.folder.absolute(), one.id, tuple(one.command), root, timeout)

    @property
    def log(self) -> pathlib.Path:
        return self.folder / 'log.txt'

    def start(self, runner: process.Runner, share: cores.Share = cores.Share()) -> 'Started':
        """Starts the run in a process of this machine."""
        return Started(self, runner, share)

    def make(
        self, runner: process.Runner, threads: int | None, where: str, environment: Mapping[str, str] | None = None
    ) -> Ended:
        """Calls the run in this process, on a machine that an executor has chosen, and waits for its end.

        It is no error that the run is done, or that another process is at work in it: this one waits until that ends.
        `threads` are what it may use of the cores, `where` is for its log, and `environment` is added to that of here.
        """
        begun = time.monotonic()
        if not self.folder.is_dir():
            reason = f'{socket.gethostname()} has no {self.folder}; wanted one file system on all machines'
            return Ended(1, 0.0, reason, 'error', reason)
        while locks.holder(self.folder / workdir.LOCK) and time.monotonic() < begun + PATIENCE:
            if runner.stopped_by is not None:
                break
            time.sleep(1)
        if workdir.is_done(self.folder, self.id):
            return Ended(0, 0.0, 'done before')
        with self.log.open('ab') as log:
            log.write(f'{where}\n'.encode())
        started = self.start(runner, cores.Share(environment={**(environment or {}), **cores.at_most(threads)}))
        while (ended := started.ended()) is None:
            time.sleep(TICK)
        return ended


class Started:
    """A call in a process of this machine."""

    says, waits = '', False

    def __init__(self, attempt: Attempt, runner: process.Runner, share: cores.Share):
        self._attempt = attempt
        # The Python of this machine, which may be at another place than that of the one that made the plan.
        command = [sys.executable, *attempt.command[1:], *plan.flags(attempt.folder)]
        # Not closed before the process has ended.
        self._log = attempt.log.open('ab')
        self._start = self._log.tell()
        try:
            self.child = runner.start(
                command, attempt.root, self._log, cores=share.cores, environment=share.environment,
                timeout=attempt.timeout,
            )  # fmt: skip
        except BaseException:
            self._log.close()
            raise

    @property
    def seconds(self) -> float:
        return self.child.seconds

    def ended(self) -> Ended | None:
        """Keeps its time, too."""
        self.child.keep_time()
        code = self.child.code
        if code is None:
            return None
        self._log.close()
        words = ended_by(code, last_line(self._attempt.log, self._start))
        kind, reason = self._why(code, words)
        return Ended(code, self.seconds, words, kind, reason, kind in ('killed', 'timeout') or self.child.out_of_memory)

    def _why(self, code: int, words: str) -> tuple[str, str]:
        """Kind and reason of a failure: what the run says itself, or what there is to see from outside."""
        if self.child.out_of_time:
            return 'timeout', f'it took longer than --timeout; it said last: {words}'
        if self.child.out_of_memory:
            return 'out of memory', f'ended while the system killed processes for want of memory: {words}'
        said = failures.read(self._attempt.folder)
        if said is not None and said.get('kind') in failures.WORDS:
            return said['kind'], str(said.get('reason'))
        return ('killed' if code < 0 or code in ASKED else 'error'), words


def last_line(log: pathlib.Path, start: int = 0) -> str:
    """What stands last in a log, behind its first `start` bytes."""
    lines: list[str] = []
    with contextlib.suppress(OSError), log.open('rb') as file:
        file.seek(max(start, os.fstat(file.fileno()).st_size - 65_536))
        lines = file.read().decode('utf-8', 'replace').strip().splitlines()
    return lines[-1].removeprefix('launch.py: ') if lines else 'no output'


def ended_by(code: int, words: str) -> str:
    """What a process said last, with what ended it where it could say nothing."""
    if code >= 0:
        return words if code else f'it left no rows of this config and its last step; it said last: {words}'
    return f'ended by {signal.Signals(-code).name}; it said last: {words}'
