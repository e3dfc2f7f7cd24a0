"""Processes side by side, each of which ends before the one that started it does."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import IO

PR_SET_PDEATHSIG = 1
# Seconds that a process has to save after it was asked to end because its time is over.
GRACE = 60.0


class Child:
    """A process that was started. `code` is its exit code, that of a signal negative; None while it runs."""

    def __init__(self, process: subprocess.Popen, timeout: float | None):
        self._process, self._begun = process, time.monotonic()
        self._deadline = None if timeout is None else self._begun + timeout
        self.out_of_time = False
        # Whether anybody was killed for want of memory meanwhile can only be told from how many were before.
        self._killed_before = _killed_for_memory()

    @property
    def code(self) -> int | None:
        return self._process.poll()

    @property
    def seconds(self) -> float:
        """Since it was started."""
        return time.monotonic() - self._begun

    @property
    def out_of_memory(self) -> bool:
        """Whether it was killed while Linux killed processes because there was no memory left."""
        return self.code == -signal.SIGKILL and _killed_for_memory() > self._killed_before

    def wait(self) -> int:
        """The exit code, once there is one."""
        return self._process.wait()

    def keep_time(self) -> None:
        """Asks it to end when its time is over, and kills it when it does not."""
        if self._deadline is None or time.monotonic() < self._deadline or self.code is not None:
            return
        if self.out_of_time:
            self.kill()
        else:
            self.out_of_time, self._deadline = True, time.monotonic() + GRACE
            self.ask()

    def ask(self) -> None:
        """Asks it to end, at which a run saves."""
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


class Runner:
    """A context manager that starts processes, and hands on to them what would stop this one.

    After SIGTERM or SIGINT all that are under way are asked to end by SIGTERM, at which a run saves, and `stopped_by`
    says which signal it was; a second one kills them, unless `kills` is false. Processes have groups of their own, so
    that a Ctrl-C reaches them by this way alone. Where this process is killed itself, Linux sends them SIGTERM.
    """

    def __init__(self, signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGINT), *, kills: bool = True):
        self.came: list[signal.Signals] = []
        self._signals, self._kills = signals, kills
        self._children: list[Child] = []

    @property
    def stopped_by(self) -> signal.Signals | None:
        """The first signal that came."""
        return self.came[0] if self.came else None

    def __enter__(self) -> 'Runner':
        self._before = {number: signal.signal(number, self._stop) for number in self._signals}
        return self

    def __exit__(self, kind, error, traceback) -> None:
        # Only where an error has come between is there anybody left to wait for.
        for child in self._children:
            if child.code is None:
                child.ask()
        for child in self._children:
            child.wait()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def start(
        self,
        command: list[str],
        cwd: os.PathLike,
        log: IO,
        *,
        cores: Iterable[int] = (),
        environment: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Child:
        """Starts a command, whose output goes to `log`.

        It runs on these cores, where the system can be told so, and may take `timeout` seconds. `environment` is added
        to that of this process.
        """
        process = subprocess.Popen(
            _bound(command, cores),
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        child = Child(process, timeout)
        self._children = [one for one in self._children if one.code is None] + [child]
        if self.stopped_by is not None:
            # It came before there was a process to hand it on to.
            child.ask()
        return child

    def _stop(self, number: int, _) -> None:
        under_way = [child for child in self._children if child.code is None]
        self.came.append(signal.Signals(number))
        if len(self.came) > 1:
            for child in under_way if self._kills else ():
                child.kill()
            return
        for child in under_way:
            child.ask()
        if under_way:
            what = 'the run is' if len(under_way) == 1 else f'{len(under_way)} runs are'
            which = 'it' if len(under_way) == 1 else 'them'
            more = f'; a second one kills {which}' if self._kills else ''
            # Not by print, in the middle of which a signal may come; and the terminal may be gone.
            with contextlib.suppress(OSError):
                os.write(2, f'{self.stopped_by.name}: {what} asked to save{more}\n'.encode())


def can_be_pinned() -> bool:
    """Whether this system can be told which cores a process runs on."""
    return hasattr(os, 'sched_setaffinity')


def _killed_for_memory() -> int:
    """Processes that Linux has killed for want of memory since it was started; 0 where it does not say."""
    try:
        with open('/proc/vmstat', encoding='ascii') as file:
            return next((int(line.split()[1]) for line in file if line.startswith('oom_kill ')), 0)
    except OSError:
        return 0


def _bound(command: list[str], cores: Iterable[int]) -> list[str]:
    """The command, which first sees to it that it gets SIGTERM when this process dies, where the system has a way, and
    that it stays on its cores.

    Not by preexec_fn, whose Python runs in a fork of all threads.
    """
    pinned = ','.join(map(str, cores)) if can_be_pinned() else ''
    if not sys.platform.startswith('linux') and not pinned:
        return command
    return [sys.executable, '-I', '-S', __file__, str(os.getpid()), pinned, *command]


def _become(parent: int, cores: str, command: list[str]) -> None:
    if sys.platform.startswith('linux'):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            # It died in between.
            sys.exit(128 + signal.SIGTERM)
    if cores:
        os.sched_setaffinity(0, [int(core) for core in cores.split(',')])
    os.execvp(command[0], command)


if __name__ == '__main__':
    _become(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
