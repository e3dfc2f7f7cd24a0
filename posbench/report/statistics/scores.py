"""Values of runs on tasks by seed as one array: whole, or an error that says what is missing."""

import dataclasses
from collections.abc import Mapping

import numpy as np

# values[run][task][seed]
Cells = Mapping[str, Mapping[str, Mapping[int, float]]]


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
    """value_ETS of `runs` on `tasks`; what stands at one place of the last axis is of one seed, in all runs.

    Tasks are in the order of their names, so that resamples do not depend on the order of files.
    """

    runs: tuple[str, ...]
    tasks: tuple[str, ...]
    value_ETS: np.ndarray

    def of(self, run: str) -> np.ndarray:
        """value_TS of one run."""
        return self.value_ETS[self.runs.index(run)]

    @property
    def mean_ET(self) -> np.ndarray:
        """Means over seeds; NaN where one seed is."""
        return self.value_ETS.mean(axis=2)


def gather(cells: Cells) -> Scores:
    """The array of all cells; ValueError, one line, for a cell that others have and one run has not.

    Seeds are paired: in a task all runs need the same ones, and all tasks as many. NaN is a value, None is none.
    """
    missing = holes(cells)
    if missing:
        more = f' and {len(missing) - 1} more' if len(missing) > 1 else ''
        raise ValueError(f'missing: {missing[0][0]} on {missing[0][1]}, {missing[0][2]}{more}.')
    runs, first = tuple(cells), next(iter(cells.values()), {})
    tasks = tuple(sorted(first))
    if not tasks:
        raise ValueError('got no values, wanted at least one run on one task.')
    seeds = {task: sorted(first[task]) for task in tasks}
    sizes = {len(found): task for task, found in seeds.items()}
    if len(sizes) > 1:
        (few, one), *_, (many, other) = sorted(sizes.items())
        raise ValueError(f'{one} has {few} seeds, {other} {many}; wanted as many of all tasks.')
    value_ETS = [[[cells[run][task][seed] for seed in seeds[task]] for task in tasks] for run in runs]
    return Scores(runs, tasks, np.array(value_ETS, np.float64))


def holes(cells: Cells) -> list[tuple[str, str, str]]:
    """(run, task, what) of all that one run has and another one lacks: 'not run' or 'no seed 3'."""
    seeds: dict[str, set[int]] = {}
    for by_task in cells.values():
        for task, by_seed in by_task.items():
            seeds.setdefault(task, set()).update(by_seed)
    found = []
    for run, by_task in cells.items():
        for task in sorted(seeds):
            known = {seed for seed, value in by_task.get(task, {}).items() if value is not None}
            if not known:
                found.append((run, task, 'not run'))
            else:
                found += [(run, task, f'no seed {seed}') for seed in sorted(seeds[task] - known)]
    return found


def without_holes(cells: Cells) -> tuple[dict[str, dict[str, Mapping[int, float]]], list[tuple[str, str, str]]]:
    """The tasks that every run has whole, and what made the others fall out, which a reader has to be told."""
    missing = holes(cells)
    torn = {task for _, task, _ in missing}
    whole = {run: {task: found for task, found in by_task.items() if task not in torn}
             for run, by_task in cells.items()}  # fmt: skip
    return whole, missing
