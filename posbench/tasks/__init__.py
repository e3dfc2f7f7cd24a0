"""Tasks: pure functions from a key to a batch. `names()` and `build(name, **options)`."""

import difflib
import importlib
import pathlib

FOLDER = pathlib.Path(__file__).parent


def names() -> list[str]:
    """All tasks, as folder/file."""
    return sorted(
        path.relative_to(FOLDER).with_suffix('').as_posix()
        for path in FOLDER.glob('*/*.py')
        if '\nclass Task' in path.read_text('utf-8')
    )


def build(name: str, **options):
    """The task called `name`: an object with sample(rng, batch_size, length); ValueError names the valid ones."""
    if name not in names():
        near = difflib.get_close_matches(name, names(), n=1)
        hint = f'did you mean {near[0]!r}? ' if near else ''
        raise ValueError(f'Unknown task {name!r}; {hint}There are {names()}.')
    return importlib.import_module(f'posbench.tasks.{name.replace("/", ".")}').Task(**options)
