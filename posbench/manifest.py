"""A manifest says what a folder held when it was finished: size and SHA-256 of every file, and of itself.

It is written last and in one step (temporary name, fsync, rename, fsync of the folder), so that a folder with a
manifest is a folder that was finished, and on disk. Standard library only.

`write` and `verify` are about a folder whose every file counts; `vouch` and `check` about some files of one in which
others come and go.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from posbench.files import write_atomically

NAME = 'manifest.json'


class Damaged(Exception):
    """The folder is not what its manifest says; the message names the first file that differs, and how."""


def write(folder: Path, content: dict[str, Any]) -> None:
    """Hashes every file below `folder` and finishes it with a manifest that also holds `content` (plain JSON)."""
    files = {name: _entry(path, to_disk=True) for name, path in _files(folder).items()}
    for directory in [path for path in folder.rglob('*') if path.is_dir()] + [folder.parent]:
        sync(directory)
    _finish(folder, {**content, 'files': files})


def vouch(folder: Path, names: Iterable[str], to_come: dict[str, bytes], content: dict[str, Any]) -> None:
    """Writes a manifest of the files `names` of a folder, those that there are, and of some that are written next.

    Whoever is killed before the last one is written leaves a folder that is not what its manifest says.
    """
    files = {name: _entry(folder / name, to_disk=True) for name in names if (folder / name).is_file()}
    files |= {name: dict(size=len(data), sha256=hashlib.sha256(data).hexdigest()) for name, data in to_come.items()}
    _finish(folder, {**content, 'files': files})


def read(folder: Path) -> dict[str, Any]:
    """The manifest's content and its `files`. Raises Damaged if any byte of the manifest itself has changed."""
    try:
        data = (folder / NAME).read_bytes()
        content = json.loads(data)
        content.pop('checksum')
        # Byte for byte: another space or one more newline parses to the same content, and is damage all the same.
        if _render(content) == data:
            return content
    except OSError as error:
        raise Damaged(f'{NAME}: {error.strerror or error}') from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise Damaged(f'{NAME} does not match its own checksum')


def verify(folder: Path) -> dict[str, Any]:
    """Like `read`, and also holds every file below `folder` against it: missing, extra, size, SHA-256."""
    content = read(folder)
    if extra := sorted(_files(folder).keys() - content['files'].keys()):
        raise Damaged(f'{extra[0]} is not in the manifest')
    return check(folder)


def check(folder: Path, only: Iterable[str] | None = None) -> dict[str, Any]:
    """Like `verify`, but files that the manifest says nothing of may lie there too; `only` some, where given."""
    content = read(folder)
    files = content['files']
    for name, wanted in files.items() if only is None else [(name, files[name]) for name in only if name in files]:
        try:
            found = _entry(folder / name)
        except FileNotFoundError:
            raise Damaged(f'{name} is missing') from None
        except OSError as error:
            raise Damaged(f'{name}: {error.strerror or error}') from error
        if found['size'] != wanted['size']:
            raise Damaged(f'{name} has {found["size"]} bytes, not {wanted["size"]}')
        if found != wanted:
            raise Damaged(f'{name} does not match its SHA-256')
    return content


def damage(folder: Path, only: Iterable[str] | None = None) -> str | None:
    """What `check` finds, in words; None where nothing is wrong, or there is no manifest to say so."""
    try:
        if (folder / NAME).exists():
            check(folder, only)
    except Damaged as error:
        return str(error)
    return None


def last_step(folder: Path, config: dict[str, Any]) -> int | None:
    """The step with which the run of a config is done; where it follows from data, the manifest of its folder says it.

    None where there is no such manifest yet, or it is damaged.
    """
    if 'steps' in config['train']:
        return config['train']['steps']
    try:
        return read(folder)['steps']
    except (Damaged, KeyError):
        return None


def _entry(path: Path, *, to_disk: bool = False) -> dict[str, Any]:
    with path.open('rb') as file:
        entry = {'size': path.stat().st_size, 'sha256': hashlib.file_digest(file, 'sha256').hexdigest()}
        if to_disk:
            # Without this a power cut could keep the manifest and lose what it vouches for.
            os.fsync(file.fileno())
    return entry


def _files(folder: Path) -> dict[str, Path]:
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob('*')) if not path.is_dir()}
    paths.pop(NAME, None)
    return paths


def _render(content: dict[str, Any]) -> bytes:
    checksum = hashlib.sha256(json.dumps(content, allow_nan=False).encode()).hexdigest()
    return (json.dumps({'checksum': checksum, **content}, indent=1, allow_nan=False) + '\n').encode()


def _finish(folder: Path, content: dict[str, Any]) -> None:
    write_atomically(folder / NAME, _render(json.loads(json.dumps(content))))
    sync(folder)


def sync(directory: Path) -> None:
    """Returns when the names in a directory are on disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
