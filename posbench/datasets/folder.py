"""A folder of your own text: train/, validation/ and test/, and in each of them .txt files (UTF-8), one a document."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from posbench.datasets.sources import SPLITS, DatasetError, Source


def find(folder: str | Path | None) -> Source:
    """The documents below `folder`, in the order of their names. Files whose name ends in anything else are left out.

    Raises DatasetError for a folder that is missing, a split without text, or a file that is not UTF-8.
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
        if not any(path.stat().st_size for path in paths[split]):
            raise DatasetError(f'{folder / split} holds no text; wanted at least one .txt file with a character in it.')

    def documents(split: str) -> Iterator[str]:
        return (decode(_read(path), str(path)) for path in paths[split])

    return Source(content.hexdigest(), {split: len(paths[split]) for split in SPLITS}, documents)


def decode(data: bytes, where: str) -> str:
    """UTF-8, line ends as they are. Raises DatasetError that names the first bad byte and its offset."""
    try:
        return data.decode('utf-8')
    except UnicodeDecodeError as error:
        raise DatasetError(
            f'{where} is not UTF-8: byte {data[error.start]:#04x} at offset {error.start:,} ({error.reason}).'
        ) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f'{path} cannot be read: {error.strerror}.') from None
