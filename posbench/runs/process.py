"""One process after another, each of which ends before the one that started it does."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from typing import IO

PR_SET_PDEATHSIG = 1


class Runner:
    """A context manager that starts processes, and hands on to them what would stop this one.

    After SIGTERM or SIGINT the process under way is asked to end by SIGTERM, at which a run saves, and `stopped_by`
    says which signal it was; a second one kills it. Processes have groups of their own, so that a Ctrl-C reaches them
    by this way alone. Where this process is killed itself, Linux sends them SIGTERM.
    """

    def __init__(self):
        self.stopped_by: signal.Signals | None = None
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> 'Runner':
        self._before = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *_) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def run(self, command: list[str], cwd: os.PathLike, log: IO) -> int:
        """The exit code of a command, whose output goes to `log`; that of a signal is negative."""
        self._process = subprocess.Popen(
            _bound(command),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        if self.stopped_by is not None:
            # It came before there was a process to hand it on to.
            self._process.terminate()
        try:
            return self._process.wait()
        finally:
            self._process = None

    def _stop(self, number: int, _) -> None:
        if self.stopped_by is None:
            self.stopped_by = signal.Signals(number)
            if self._process is not None:
                self._process.terminate()
                # Not by print, in the middle of which a signal may come; and the terminal may be gone.
                with contextlib.suppress(OSError):
                    os.write(2, f'{self.stopped_by.name}: the run is asked to save; a second one kills it\n'.encode())
        elif self._process is not None:
            self._process.kill()


def _bound(command: list[str]) -> list[str]:
    """The command, which first sees to it that it gets SIGTERM when this process dies, where the system has a way.

    Not by preexec_fn, whose Python runs in a fork of all threads.
    """
    if not sys.platform.startswith('linux'):
        return command
    return [sys.executable, '-I', '-S', __file__, str(os.getpid()), *command]


def _become(parent: int, command: list[str]) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        # It died in between.
        sys.exit(128 + signal.SIGTERM)
    os.execvp(command[0], command)


if __name__ == '__main__':
    _become(int(sys.argv[1]), sys.argv[2:])
