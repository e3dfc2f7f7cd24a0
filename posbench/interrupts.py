"""SIGTERM and Ctrl-C: a command ends at once, in one line that says what it leaves, whatever it is in the middle of.

A run that is killed at any instant goes on with the same bits, so that there is nothing to tidy up. Only while steps
are trained is there something to save first: a signal is then held back until they ask for it, and a second one is
not. Python calls a handler when the main thread comes back to it, which a compiler may keep for minutes; here a thread
is told by the system. Standard library only.
"""

import contextlib
import os
import signal
import sys
import threading

CODES = {signal.SIGINT: 128 + signal.SIGINT, signal.SIGTERM: 128 + signal.SIGTERM}


class _Process:
    """What this process does about a signal; there is one of it, as there is one handler of a signal."""

    leaves = 'nothing was changed; the same command starts again.'
    held = False
    came: int | None = None


def watch() -> None:
    """From here on signals end this process as this file says. Only for the command itself, once, in its main thread.

    A handler that is set later has its signal back. One that is ignored, as under nohup, stays so.
    """
    read, write = os.pipe()
    os.set_blocking(write, False)
    for number in CODES:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _told)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    # A pool of processes is killed with this one; what they shared is tidied up by one more, which need not say so.
    sys.warnoptions.append('ignore:resource_tracker')
    threading.Thread(target=_listen, args=(read,), name='interrupts', daemon=True).start()
    # A signal to a fork that came before it has left these to the system would be taken for one to this process.
    os.register_at_fork(before=_block, after_in_parent=_unblock, after_in_child=_leave_to_the_system)


def take_back() -> None:
    """After a library has taken a signal behind Python's back: jax takes SIGTERM when it joins a cluster."""
    for number in CODES:
        if signal.getsignal(number) is _told:
            signal.signal(number, _told)


def over(code: int) -> int:
    """The exit code, which after a signal another one does not change: the interpreter, as it ends, leaves them to the
    system, which would have the process killed by it.
    """
    for number in CODES if code in CODES.values() else ():
        if signal.getsignal(number) is _told:
            signal.signal(number, signal.SIG_IGN)
    return code


def leaves(sentence: str) -> None:
    """What the line says from here on: what is kept, and what the same command does."""
    _Process.leaves = sentence


class Hold:
    """A context manager: from `begin` on the first signal is only remembered, for `requested`. If nobody has made an
    end of it by then, the end of the context does.
    """

    def begin(self) -> None:
        _Process.held = True

    def __enter__(self) -> 'Hold':
        return self

    def __exit__(self, kind, error, traceback) -> None:
        _Process.held = False
        if _Process.came is not None and error is None:
            _end(_Process.came)


def requested() -> int | None:
    """The signal that is held back."""
    return _Process.came


def _listen(pipe: int) -> None:
    while True:
        for number in os.read(pipe, 1):
            if number in CODES and signal.getsignal(number) is _told:
                _came(number)


def _told(number, frame) -> None:
    """Not until the main thread is back: `_listen` knew before."""


def _came(number: int) -> None:
    if _Process.held and _Process.came is None:
        _Process.came = number
    else:
        _end(number)


def _end(number: int) -> None:
    line = f'launch.py: {signal.Signals(number).name}: {_Process.leaves}\n'
    if _Process.held:
        line = f'launch.py: {signal.Signals(number).name} again: ended without saving; {_Process.leaves}\n'
    if sys.stderr.isatty():
        # A bar hides the cursor, and its line is not at its end.
        line = f'\r\x1b[2K\x1b[?25h{line}'
    with contextlib.suppress(OSError):
        # Not always 2: devices/partners.py.
        os.write(sys.stderr.fileno(), line.encode())
    if 'multiprocessing' in sys.modules:
        for child in sys.modules['multiprocessing'].active_children():
            child.kill()
    os._exit(CODES[number])


def _leave_to_the_system() -> None:
    """In a fork, whose signals would be taken for those of this process."""
    signal.set_wakeup_fd(-1)
    for number in CODES:
        if signal.getsignal(number) is _told:
            signal.signal(number, signal.SIG_DFL)
    _unblock()


def _block() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, CODES)


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, CODES)
