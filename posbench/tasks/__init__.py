"""Tasks: pure functions from a key to a batch, and from outputs to numbers. `names()` and `build(name, **options)`."""

from typing import Any

from posbench import registry
from posbench.tasks import base

TASKS = registry.Registry('tasks', 'Task')
names = TASKS.names


def build(name: str, *, module: str | None = None, dataset: Any = None, **options) -> base.Task:
    """The task called `name`, or that of the file `module`; ValueError names the valid ones.

    `dataset` is what `posbench.datasets.<Task.reads>.load` gave, for a task that reads one.
    """
    return TASKS.find(name, module).from_dataset(dataset, **options)
