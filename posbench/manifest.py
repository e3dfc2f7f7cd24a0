"""A manifest says what a folder held when it was finished: size and SHA-256 of every file, and of itself.

It is written last and in one step (temporary name, fsync, rename, fsync of the folder), so that a folder with a
manifest is a folder that was finished, and on disk. Standard library only.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

NAME = 'manifest.json'


class Damaged(Exception):
    """The folder is not what its manifest says; the message names the first file that differs, and how."""


def write(folder: Path, content: dict[str, Any]) -> None:
    """Hashes every file below `folder` and finishes it with a manifest that also holds `content` (plain JSON)."""
    files = {}
    for name, path in _files(folder).items():
        with path.open('rb') as file:
            files[name] = {'size': path.stat().st_size, 'sha256': hashlib.file_digest(file, 'sha256').hexdigest()}
            # Without this a power cut could keep the manifest and lose what it vouches for.
            os.fsync(file.fileno())
    temporary = folder / f'{NAME}.tmp'
    with temporary.open('wb') as file:
        file.write(_render(json.loads(json.dumps({**content, 'files': files}))))
        file.flush()
        os.fsync(file.fileno())
    for directory in [path for path in folder.rglob('*') if path.is_dir()] + [folder.parent]:
        _sync(directory)
    os.replace(temporary, folder / NAME)
    _sync(folder)


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
    wanted, found = content['files'], _files(folder)
    if missing := sorted(wanted.keys() - found.keys()):
        raise Damaged(f'{missing[0]} is missing')
    if extra := sorted(found.keys() - wanted.keys()):
        raise Damaged(f'{extra[0]} is not in the manifest')
    for name, path in found.items():
        try:
            with path.open('rb') as file:
                size, digest = path.stat().st_size, hashlib.file_digest(file, 'sha256').hexdigest()
        except OSError as error:
            raise Damaged(f'{name}: {error.strerror or error}') from error
        if size != wanted[name]['size']:
            raise Damaged(f'{name} has {size} bytes, not {wanted[name]["size"]}')
        if digest != wanted[name]['sha256']:
            raise Damaged(f'{name} does not match its SHA-256')
    return content


def _files(folder: Path) -> dict[str, Path]:
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob('*')) if not path.is_dir()}
    paths.pop(NAME, None)
    return paths


def _render(content: dict[str, Any]) -> bytes:
    checksum = hashlib.sha256(json.dumps(content, allow_nan=False).encode()).hexdigest()
    return (json.dumps({'checksum': checksum, **content}, indent=1, allow_nan=False) + '\n').encode()


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
