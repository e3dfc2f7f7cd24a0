"""Locks: a file that one process holds (fcntl.flock) for as long as it lives, with its number inside."""

import contextlib
import fcntl
import os
import pathlib
from collections.abc import Iterator

from posbench.knobs.kinds import UsageError


@contextlib.contextmanager
def held(file: pathlib.Path, doing: str = 'is running in it') -> Iterator[None]:
    """Holds the lock for the block. UsageError, one line: who holds it already and what that process is doing."""
    folder = file.parent
    with usable(folder):
        lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _take(lock, folder, doing)
        yield
    finally:
        os.close(lock)


def holder(file: pathlib.Path) -> str | None:
    """The number of the process that holds a lock, 'unknown' where it says none; None where nobody does."""
    try:
        lock = os.open(file, os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _number(lock)
    except OSError:
        return None
    finally:
        os.close(lock)
    return None


@contextlib.contextmanager
def usable(folder: pathlib.Path, what: str = 'a run folder') -> Iterator[None]:
    """Says of which folder the operating system complains."""
    try:
        yield
    except OSError as error:
        raise UsageError(f'{folder}: it cannot be used as {what}: {error.strerror}; choose another --workdir') from None


def _take(lock: int, folder: pathlib.Path, doing: str) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(
            f'{folder}: process {_number(lock)} {doing}; wait until it ends or choose another --workdir'
        ) from None
    except OSError as error:
        raise UsageError(
            f'{folder}: its file system cannot lock files: {error.strerror}; choose another --workdir'
        ) from None
    with usable(folder):
        os.ftruncate(lock, 0)
        os.pwrite(lock, f'{os.getpid()}\n'.encode('ascii'), 0)


def _number(lock: int) -> str:
    return os.pread(lock, 32, 0).decode('ascii', 'replace').strip() or 'unknown'
