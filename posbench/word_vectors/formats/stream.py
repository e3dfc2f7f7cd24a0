"""A file as a stream of bytes, whatever it is compressed with, and errors that say where in it they are.

Nothing is read further than it is used, nothing is held that was used, and no length that a file claims is believed
before that many bytes have come.
"""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import pathlib
import stat
import zlib
from collections.abc import Iterator

from posbench import files

# What is read at once; a line is at most as long.
CHUNK = 2**20
MAGIC = {b'\x1f\x8b': 'gzip', b'BZh': 'bzip2', b'\xfd7zXZ\0': 'xz'}
COMPRESSORS = {
    '.gz': lambda: zlib.compressobj(wbits=31),
    '.bz2': bz2.BZ2Compressor,
    '.xz': lzma.LZMACompressor,
}
DAMAGE = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError)


class FormatError(ValueError):
    """A file that holds no word vectors as it should; one line, with the line or the byte where that shows.

    Attributes:
      path: of the file.
      line: from 1; None where a file has no lines.
      offset: bytes from the start of what was compressed, if it was; None where a line is known.
    """

    def __init__(self, path: pathlib.Path, message: str, *, line: int | None = None, offset: int | None = None):
        place = f'{path}' if line is None else f'{path}:{line}'
        place += '' if offset is None else f': byte {offset:,}'
        super().__init__(' '.join(f'{place}: {message}'.split()))
        self.path, self.line, self.offset = path, line, offset


class Stream:
    """The content of an open file, unpacked.

    Attributes:
      path: of the file.
      size: bytes of the content; None where only reading tells.
      offset: bytes that were read.
    """

    def __init__(self, path: pathlib.Path, file: io.BufferedIOBase, size: int | None):
        self.path, self.size, self.offset = path, size, 0
        self._file, self._ahead = file, b''

    def peek(self, count: int) -> bytes:
        """The next bytes, which stay to be read: `count` of them, or all that are left."""
        if len(self._ahead) < count:
            self._ahead += self._fetch(count - len(self._ahead))
        return self._ahead[:count]

    def read(self, count: int = CHUNK) -> bytes:
        """The next bytes: `count` of them, or all that are left."""
        data, self._ahead = self._ahead[:count], self._ahead[count:]
        if len(data) < count:
            data += self._fetch(count - len(data))
        self.offset += len(data)
        return data

    def put_back(self, data: bytes) -> None:
        """Bytes that were read come again."""
        self._ahead = data + self._ahead
        self.offset -= len(data)

    def skip(self, count: int) -> bool:
        """Passes over as many bytes; False if there were fewer."""
        if self.size is not None:
            if self.size - self.offset < count:
                return False
            # From where the file stands, which is as far ahead as was peeked.
            self._file.seek(count - len(self._ahead), io.SEEK_CUR)
            self._ahead = b''
            self.offset += count
            return True
        while count and (data := self.read(min(count, CHUNK))):
            count -= len(data)
        return not count

    def blocks(self) -> Iterator[tuple[int, bytes]]:
        """Whole lines, many at once, with their line feeds; and the number of the first of them, from 1."""
        line, rest = 1, b''
        while data := self.read():
            end = data.rfind(b'\n') + 1
            if len(rest) + (data.find(b'\n') if end else len(data)) > CHUNK:
                raise FormatError(
                    self.path, f'it is longer than {CHUNK:,} bytes; wanted a word and its vector', line=line
                )
            if end:
                yield line, rest + data[:end]
                line += data.count(b'\n')
                rest = data[end:]
            else:
                rest += data
        if rest:
            raise FormatError(self.path, 'it has no line feed at its end, as if the file were cut', line=line)

    def error(self, message: str, offset: int | None = None) -> FormatError:
        """The error that says so, of the byte `offset`, or of the one that comes next."""
        return FormatError(self.path, message, offset=self.offset if offset is None else offset)

    def _fetch(self, count: int) -> bytes:
        try:
            return self._file.read(count)
        except DAMAGE as error:
            raise self._unreadable(f'its compressed stream is cut or damaged ({error})') from None
        except OSError as error:
            # bz2 says so of damage too, without a number.
            what = f'cannot be read: {error.strerror}' if error.errno else f'its compressed stream is damaged ({error})'
            raise self._unreadable(what) from None

    def _unreadable(self, message: str) -> FormatError:
        return self.error(message, self.offset + len(self._ahead))


class _Unpacked(io.RawIOBase):
    """One or more compressed streams, one after another, without anything else between or after them.

    The classes of bz2 and lzma pass over what comes after the first stream and is none, damage to the second included.
    """

    def __init__(self, file: io.BufferedIOBase, new):
        self._file, self._new, self._one = file, new, new()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        while True:
            data = b''
            if self._one.eof:
                data = self._one.unused_data or self._file.read(CHUNK)
                if not data:
                    return 0
                self._one = self._new()
            elif self._one.needs_input:
                data = self._file.read(CHUNK)
                if not data:
                    raise EOFError('it ends too early')
            out = self._one.decompress(data, len(buffer))
            if out:
                buffer[: len(out)] = out
                return len(out)


@contextlib.contextmanager
def opened(path: pathlib.Path) -> Iterator[Stream]:
    """A file, unpacked by what it begins with, whatever its name is. FormatError where it cannot be opened."""
    try:
        file = path.open('rb')
    except (OSError, ValueError) as error:
        # A ValueError: a NUL in the name.
        reason = f'cannot be read: {getattr(error, "strerror", None) or error}'
        raise FormatError(path, reason) from None
    with file:
        about = os.fstat(file.fileno())
        head = file.peek(8)
        packed = next((name for magic, name in MAGIC.items() if head.startswith(magic)), None)
        if packed is None:
            yield Stream(path, file, about.st_size if stat.S_ISREG(about.st_mode) else None)
        elif packed == 'gzip':
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield Stream(path, unpacked, None)
        else:
            new = bz2.BZ2Decompressor if packed == 'bzip2' else lzma.LZMADecompressor
            with io.BufferedReader(_Unpacked(file, new), CHUNK) as unpacked:
                yield Stream(path, unpacked, None)


@contextlib.contextmanager
def writing(path: pathlib.Path) -> Iterator:
    """What writes bytes to a file that is whole or not there, compressed if its name ends in .gz, .bz2 or .xz."""
    with files.opened_atomically(path) as write:
        new = COMPRESSORS.get(path.suffix)
        if new is None:
            yield write
        else:
            compressor = new()
            yield lambda data: write(compressor.compress(data))
            write(compressor.flush())
