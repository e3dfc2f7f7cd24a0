"""Every task once more: plain loops in NumPy, written from the definition of the task and from nothing else.

One file for each task, called <folder>_<name>.py, with

    dataset()     a small dataset, as the task's `load` would give it; only where the task reads one
    LENGTHS       three lengths that are looked at, where they are not (16, 64, 144)
    SETTINGS      options that are compared, a dict each; the first one is what all other checks are made with
    OTHER         for each option another value, which has to change a batch or a score
    UNHEARD       another value of options that change where something is done, and have to change neither
    BEST          metric -> what a perfect model gets, where that is not 1 of a share, or 0 of an error or a loss
    expected(task, batch, protocol)
                  name -> array: targets and weights, and whatever else of the batch follows, from what the model reads;
                  protocol None: the batch is one of training. It raises AssertionError where no such input can be.
    counted(task, split, length, batches)
                  metric -> (chance, tolerance), counted on (protocol, batch) of that split
"""

import importlib
import pathlib
from typing import Any

from posbench import tasks
from posbench.tasks import base

FOLDER = pathlib.Path(__file__).parent
LENGTHS = (16, 64, 144)


def names() -> list[str]:
    """All tasks that have an oracle, as `posbench.tasks.names()` calls them."""
    stems = (path.stem for path in FOLDER.glob('*.py') if '_' in path.stem.strip('_'))
    return sorted(stem.replace('_', '/', 1) for stem in stems)


def module(name: str) -> Any:
    """The file of one task."""
    return importlib.import_module(f'tests.tasks.oracles.{name.replace("/", "_", 1)}')


def build(name: str, options: dict | None = None) -> base.Task:
    """The task on the small dataset of its oracle, with the options that it is checked with or with these."""
    oracle = module(name)
    dataset = oracle.dataset() if hasattr(oracle, 'dataset') else None
    return tasks.build(name, dataset=dataset, **(oracle.SETTINGS[0] if options is None else options))


def of(task) -> Any | None:
    """The file of a built task; None for one that has none."""
    home, _, name = type(task).__module__.partition('posbench.tasks.')
    name = name.replace('.', '/')
    return module(name) if not home and name in names() else None
