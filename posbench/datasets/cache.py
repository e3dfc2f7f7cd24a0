"""Folders that are built once and are either complete or not there.

A folder is built under another name, finished by a manifest (posbench/manifest.py), and then renamed. Whoever is
killed leaves only a folder that nobody reads. Of several processes that want the same folder, one builds it and the
others wait: the lock is the operating system's, which a killed process gives back.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from posbench import manifest
from posbench.datasets.sources import DatasetError


def fetch(folder: Path, build: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """The manifest of `folder`, all its files checked; builds the folder if it is missing or damaged.

    `build` fills the directory that it is given, and what it returns (plain JSON) stands in the manifest.
    Raises DatasetError if the folder cannot be written.
    """
    with contextlib.suppress(manifest.Damaged):
        return manifest.verify(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder.with_name(f'.{folder.name}.lock')):
            with contextlib.suppress(manifest.Damaged):
                return manifest.verify(folder)  # Another process built it meanwhile.
            building = folder.with_name(f'.{folder.name}.building')
            shutil.rmtree(building, ignore_errors=True)
            building.mkdir()
            manifest.write(building, build(building))
            shutil.rmtree(folder, ignore_errors=True)
            os.rename(building, folder)
        return manifest.verify(folder)
    except OSError as error:
        raise DatasetError(f'{folder} cannot be built: {error}') from error


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open('w', encoding='utf-8') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
