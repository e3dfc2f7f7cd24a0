"""Files that are there whole or not at all, whatever is killed when."""

import os
import pathlib


def write_atomically(path: pathlib.Path, text: str) -> None:
    """Writes UTF-8 text so that a reader, or a machine that loses power, sees the old file or the new one."""
    temporary = path.with_name(f'.{path.name}.{os.getpid()}')
    with temporary.open('w', encoding='utf-8') as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
