"""Files that are there whole or not at all, whatever is killed when; and errors that say which file it was."""

import contextlib
import functools
import os
import pathlib
from collections.abc import Callable, Iterator


def write_atomically(path: pathlib.Path, content: str | bytes) -> None:
    """Writes bytes, or text as UTF-8, so that a reader, or a machine that loses power, sees the old file or the new.

    Raises OSError with `path` as its file name, and then leaves nothing behind.
    """
    with opened_atomically(path) as write:
        write(content.encode('utf-8') if isinstance(content, str) else content)


@contextlib.contextmanager
def opened_atomically(path: pathlib.Path) -> Iterator[Callable[[bytes], None]]:
    """As `write_atomically`, in parts: yields what writes one, and `path` is the new file once all went well."""
    temporary = path.with_name(f'.{path.name}.{os.getpid()}')
    with naming(path):
        try:
            with temporary.open('wb', buffering=0) as file:
                yield functools.partial(write_whole, file)
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def write_whole(file, data: bytes) -> None:
    """Writes all of `data` to an unbuffered file: on a disk that fills up, a write takes a part and only the next one
    fails. A buffer would keep what did not fit, and fail again when it is closed.
    """
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


@contextlib.contextmanager
def naming(path: pathlib.Path) -> Iterator[None]:
    """An OSError inside says that it is about `path`: those of write and fsync name no file, and others a temporary."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def in_words(error: OSError) -> str:
    """'runs/rope/rows.jsonl: No space left on device'"""
    reason = error.strerror or type(error).__name__
    return reason if error.filename is None else f'{os.fsdecode(error.filename)}: {reason}'
