"""A folder of your own text: train/, validation/ and test/, and in each of them .txt files (UTF-8), one a document.

What a file says is kept to the byte, line ends (CRLF too) and white space included, but for a byte-order mark at its
start, which is no text.
"""

import codecs
import hashlib
from collections.abc import Iterator
from pathlib import Path

from posbench.datasets.sources import SPLITS, DatasetError, Source

# The byte-order mark: as a character, and as other encodings than UTF-8 write it. UTF-32 LE begins as UTF-16 LE.
MARK = '\N{ZERO WIDTH NO-BREAK SPACE}'
OTHER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
# Digests of files without a character.
NO_TEXT = {hashlib.sha256(data).digest() for data in (b'', codecs.BOM_UTF8)}


def find(folder: str | Path | None) -> Source:
    """The documents below `folder`, in the order of their names. Files whose name ends in anything else are left out.

    Raises DatasetError for a folder that is missing, a split without text, and, when it is read, a file that is not
    UTF-8 or no text.
    """
    if folder is None:
        raise DatasetError("The dataset 'folder' needs folder=..., a directory with train/, validation/ and test/.")
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise DatasetError(f'{folder} is no directory; wanted one with train/, validation/ and test/ of .txt files.')
    if missing := [split for split in SPLITS if not (folder / split).is_dir()]:
        raise DatasetError(f'{folder} lacks {"/, ".join(missing)}/; wanted {"/, ".join(SPLITS)}/ of .txt files.')
    paths = {split: sorted((folder / split).glob('*.txt')) for split in SPLITS}
    content = hashlib.sha256()
    for split in SPLITS:
        # What the files say is hashed, not their dates: an edit within a clock tick would go unseen.
        digests = [hashlib.sha256(_read(path)).digest() for path in paths[split]]
        content.update(hashlib.sha256(b''.join(digests)).digest())
        if not set(digests) - NO_TEXT:
            raise DatasetError(f'{folder / split} holds no text; wanted at least one .txt file with a character in it.')

    def documents(split: str) -> Iterator[str]:
        return (_text(path) for path in paths[split])

    return Source(content.hexdigest(), {split: len(paths[split]) for split in SPLITS}, documents)


def decode(data: bytes, where: str) -> str:
    """UTF-8 without its byte-order mark, line ends as they are.

    Raises DatasetError that names the first bad byte and its offset.
    """
    if data.startswith(OTHER_MARKS):
        raise DatasetError(f'{where} is UTF-16 or UTF-32 by its byte-order mark; wanted UTF-8.')
    try:
        return data.decode('utf-8').removeprefix(MARK)
    except UnicodeDecodeError as error:
        raise DatasetError(
            f'{where} is not UTF-8: byte {data[error.start]:#04x} at offset {error.start:,} ({error.reason}).'
        ) from None


def _text(path: Path) -> str:
    data = _read(path)
    # UTF-16 without a mark passes for UTF-8 in which every second byte is a NUL.
    if not data.startswith(OTHER_MARKS) and (offset := data.find(0)) >= 0:
        raise DatasetError(f'{path} is no text: byte 0x00 at offset {offset:,}; wanted UTF-8, which UTF-16 is not.')
    return decode(data, str(path))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f'{path} cannot be read: {error.strerror}.') from None
