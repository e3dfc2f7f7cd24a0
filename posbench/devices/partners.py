"""The other processes of a run: where one of them is gone, this one ends within moments, in one line, with exit code 1.

What it was about to send or to wait for never comes. A collective then fails in Python, and in two places jaxlib ends
the process itself, by abort() below a stack of C++: where the first process is gone, at once, and where nothing was
heard of another one for a while (jax.distributed.initialize gives it 100 s). It takes a callback for that, which it
cannot call (std::bad_cast, jaxlib 0.10.2). So what C++ writes goes through a pipe that leaves these messages out, and
abort() ends in a handler. A process that ends by itself does not wait for the others either, which wait for it.
"""

import contextlib
import ctypes
import os
import re
import signal
import sys
import threading
import time
import traceback

GONE = (
    'another process of this run is gone; the same command goes on from the last checkpoint, on as many as there are.'
)
# What collectives, and the service by which processes find each other, say of one that is gone.
SAID = re.compile(
    r'gloo|nccl|coordination service|distributed service|connection (reset|closed)|socket closed|heartbeat|barrier',
    re.IGNORECASE,
)
# Lines of C++, and of them those on such a process; what follows one, up to the next such line, belongs to it.
LOGGED = re.compile(rb'[IWEF]\d{4} ')
OF_SERVICE = re.compile(rb'\S+ \S+ +\d+ (coordination_service\w*\.cc|client\.h):\d+\]')
FATAL = b'JAX distributed service detected fatal errors'
# Seconds in which those that end for the same reason may say so, before the first of them is missed.
GRACE = 1.0


class _Errors:
    """Standard error as it was, and the pipe that took the place of its number for all but Python."""

    def __init__(self):
        self.real = os.dup(2)
        read, write = os.pipe()
        os.dup2(write, 2)
        os.close(write)
        self.pipe, self.left_out, self.seen = read, False, False
        encoding = getattr(sys.stderr, 'encoding', None) or 'utf-8'
        sys.stderr = os.fdopen(self.real, 'w', 1, encoding=encoding, errors='backslashreplace', closefd=False)
        threading.Thread(target=self._forward, name='partners', daemon=True).start()

    def _forward(self) -> None:
        with os.fdopen(self.pipe, 'rb') as lines:
            for line in lines:
                self._take(line)

    def _take(self, line: bytes) -> None:
        if LOGGED.match(line):
            self.left_out = OF_SERVICE.match(line) is not None
        self.seen |= FATAL in line
        if self.seen:
            over(GONE)
        if not self.left_out:
            os.write(self.real, line)


class _This:
    """What this process has set up; nothing where it is alone."""

    errors: _Errors | None = None
    handler = None
    # Held for good by the first that ends it: a failed collective and jaxlib may both be about to say why.
    ending = threading.Lock()


def watch() -> None:
    """From here on this process has others. After they have joined, once."""
    _This.errors = _Errors()
    # A Python handler would wait for the main thread, which jaxlib's thread does not.
    _This.handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(_aborted)
    set_handler = ctypes.CDLL(None).signal
    set_handler.argtypes, set_handler.restype = (ctypes.c_int, type(_This.handler)), ctypes.c_void_p
    set_handler(signal.SIGABRT, _This.handler)


def there_are() -> bool:
    """Whether this process is one of several."""
    return _This.errors is not None


def took_down(error: BaseException) -> bool:
    """Whether that is how this process learned that another one is gone."""
    return there_are() and SAID.search(str(error)) is not None


def over(line: str) -> None:
    """Ends this process with a line and exit code 1."""
    _This.ending.acquire()
    _flush()
    os.write(2 if _This.errors is None else _This.errors.real, f'launch.py: {line}\n'.encode())
    os._exit(1)


def leave(code: int) -> int:
    """The exit code; of a process that has others it is the end, unless all went well."""
    # After a signal, of which all of them know, they have saved, and end together.
    if code not in (1, 2) or not there_are():
        return code
    _flush()
    time.sleep(GRACE)
    os._exit(code)


def fail(error: BaseException) -> None:
    """Ends a process that has others for an error that nobody expected, after its traceback."""
    traceback.print_exception(error)
    leave(1)


def _aborted(number: int) -> None:
    errors = _This.errors
    # What was written just before is still on its way through the pipe, or was read by now.
    deadline = time.monotonic() + GRACE
    while not errors.seen and time.monotonic() < deadline:
        time.sleep(0.01)
    if errors.seen:
        over(GONE)
    os.write(errors.real, b'launch.py: ended by abort().\n')
    os._exit(128 + number)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
