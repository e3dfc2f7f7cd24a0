"""Rebuilds the shipped novels from the Debian package, bit for bit, with the standard library only.

    apt-get download r-cran-janeaustenr=1.0.0-1
    python posbench/datasets/austen/extract.py r-cran-janeaustenr_1.0.0-1_all.deb [FOLDER]

FOLDER is this one if it is not given. A .deb is an `ar` archive that holds data.tar.xz. In it, R keeps the novels in
a lazy-load database: Rdata.rdb is a row of chunks (uint32 length, big-endian, then that many bytes once unpacked, in
zlib's format), one for each variable, and each chunk is one character vector in R's XDR serialisation.
"""

import argparse
import bz2
import hashlib
import io
import lzma
import struct
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

DEB_SHA256 = 'df6bddf211906d1ff404f8ff662c21b34e6660e7f54a311084e749050c019c95'
DATABASE = './usr/lib/R/site-library/janeaustenr/data/Rdata.rdb'
# The order of the variables in the database: R sorts them by name.
TITLES = (
    'emma',
    'mansfield_park',
    'northanger_abbey',
    'persuasion',
    'pride_and_prejudice',
    'sense_and_sensibility',
)


def member(archive: bytes, name: str) -> bytes:
    """The file `name` of a Unix `ar` archive: 60-byte headers, contents padded to an even length."""
    start = len(b'!<arch>\n')
    while start < len(archive):
        header, size = archive[start : start + 60], int(archive[start + 48 : start + 58])
        if header[:16].decode().strip().rstrip('/') == name:
            return archive[start + 60 : start + 60 + size]
        start += 60 + size + size % 2
    raise ValueError(f'The archive holds no {name}.')


def chunks(database: bytes) -> Iterator[bytes]:
    """The unpacked variables of a lazy-load database."""
    while database:
        (length,) = struct.unpack_from('>I', database)
        unpacker = zlib.decompressobj()
        chunk = unpacker.decompress(database[4:])
        if len(chunk) != length:
            raise ValueError(f'A chunk of {len(chunk)} bytes says that it has {length}.')
        yield chunk
        database = unpacker.unused_data


def lines(chunk: bytes) -> list[str]:
    """The strings of a character vector, serialised by R in format X (XDR), version 3, encoding UTF-8."""
    header = struct.pack('>2s3i i5s i', b'X\n', 3, 0x40201, 0x30500, 5, b'UTF-8', 0x10)
    if not chunk.startswith(header):
        raise ValueError(f'Not a character vector written by R 4.2.1: {chunk[:27]!r}')
    (count,), at = struct.unpack_from('>i', chunk, len(header)), len(header) + 4
    strings = []
    for _ in range(count):
        flags, length = struct.unpack_from('>ii', chunk, at)
        if flags & 0xFF != 9 or length < 0:  # 9 is CHARSXP; a length of -1 is a missing value.
            raise ValueError(f'String {len(strings)} has flags {flags:#x} and length {length}.')
        strings.append(chunk[at + 8 : at + 8 + length].decode('utf-8'))
        at += 8 + length
    if at != len(chunk):
        raise ValueError(f'{len(chunk) - at} bytes are left after {count} strings.')
    return strings


def novels(deb: bytes) -> dict[str, str]:
    """Title -> text, from the bytes of the .deb. Raises ValueError if it is another file."""
    digest = hashlib.sha256(deb).hexdigest()
    if digest != DEB_SHA256:
        raise ValueError(f'The package has sha256 {digest}, wanted {DEB_SHA256}.')
    with tarfile.open(fileobj=io.BytesIO(lzma.decompress(member(deb, 'data.tar.xz')))) as tar:
        database = tar.extractfile(DATABASE).read()
    return {title: '\n'.join(lines(chunk)) for title, chunk in zip(TITLES, chunks(database), strict=True)}


def main() -> None:
    """Rebuilds the shipped files from the .deb named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('deb', type=Path)
    parser.add_argument('folder', type=Path, nargs='?', default=Path(__file__).parent)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for title, text in novels(arguments.deb.read_bytes()).items():
        compressed = bz2.compress(text.encode('utf-8'), 9)
        path = arguments.folder / f'{title}.txt.bz2'
        path.write_bytes(compressed)
        print(f'{hashlib.sha256(compressed).hexdigest()}  {path.name}  {len(text):,} characters')


if __name__ == '__main__':
    main()
