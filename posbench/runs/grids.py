"""Experiments as grids: lists of runs made of named choices, instead of lists that somebody wrote.

    encodings = grids.choice('encoding', rope={'encoding.name': 'rotary'}, alibi={'encoding.name': 'alibi'})
    lengths = grids.choice('length', {'short': {'train.length': '64'}, 'long': {'train.length': '256'}})
    cells = grids.subset(grids.product(encodings, lengths), lambda encoding, length: encoding != 'alibi')
    return grids.runs(cells, 'configs/default.py', {'seeds': '0,1,2'})

A choice is a list of cells, one a level, and so is whatever is made of choices. A cell has the levels that it is made
of, by the names of their choices, and the knobs of all of them. Two that set one knob otherwise are a ValueError.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from posbench.runs.experiment import Run


@dataclasses.dataclass(frozen=True)
class Cell:
    """One point of a grid: its level of each choice, its config file where a level says it, and its knobs."""

    levels: dict[str, str]
    config: str | None = None
    overrides: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its levels: 'rope-short'."""
        return '-'.join(self.levels.values())


def choice(name: str, levels: Mapping[str, Any] | None = None, /, **more: Any) -> list[Cell]:
    """A cell for each level: its knobs, or its config file, or both as (file, knobs)."""
    found = []
    for level, what in {**(levels or {}), **more}.items():
        config, knobs = what if isinstance(what, tuple) else (what, {}) if isinstance(what, str) else (None, what)
        found.append(Cell({name: level}, config, dict(knobs)))
    return found


def product(*choices: Sequence[Cell]) -> list[Cell]:
    """Every cell of one with every cell of all others, the last one fastest."""
    return [_merged(parts) for parts in itertools.product(*choices)]


def zipped(*choices: Sequence[Cell]) -> list[Cell]:
    """The first cells of all together, the second ones, and so on."""
    counts = [len(cells) for cells in choices]
    if len(set(counts)) > 1:
        raise ValueError(f'zipped: got choices of {", ".join(map(str, counts))} levels, wanted as many of each')
    return [_merged(parts) for parts in zip(*choices)]


def subset(cells: Iterable[Cell], keep: Callable[..., bool]) -> list[Cell]:
    """The cells for which `keep` holds, which is called with their levels by name: keep(encoding='rope', ...)."""
    return [cell for cell in cells if keep(**cell.levels)]


def only(cells: Iterable[Cell], **levels: str | Sequence[str]) -> list[Cell]:
    """The cells with these levels, one or some of a choice: only(cells, encoding=('rope', 'alibi'), length='short')."""
    cells = list(cells)
    wanted = {name: (level,) if isinstance(level, str) else tuple(level) for name, level in levels.items()}
    for name, some in wanted.items():
        there = {cell.levels.get(name) for cell in cells}
        if unknown := [level for level in some if level not in there]:
            raise ValueError(f'only: no cell has the {name} {unknown[0]!r}, but {", ".join(map(repr, there))}')
    return [cell for cell in cells if all(cell.levels[name] in some for name, some in wanted.items())]


def union(*grids: Iterable[Cell]) -> list[Cell]:
    """The cells of all, those that are in several of them once, where they come first."""
    found: dict[tuple, Cell] = {}
    for cell in itertools.chain(*grids):
        key = tuple(cell.levels.items())
        if found.setdefault(key, cell) != cell:
            raise ValueError(f'union: two cells {cell.name} have different knobs')
    return list(found.values())


def runs(
    cells: Iterable[Cell],
    config: str | None = None,
    overrides: Mapping[str, str] | None = None,
    *,
    name: Callable[[Cell], str] = lambda cell: cell.name,
) -> list[Run]:
    """A run of each cell, called as its levels; `config` and `overrides` are what they have in common.

    ValueError where a cell sets one of these knobs otherwise, where none says which config file it is, and where two
    are called the same.
    """
    common = Cell({}, config, dict(overrides or {}))
    found: dict[str, Run] = {}
    for cell in cells:
        whole, title = _merged((common, cell)), name(cell)
        if whole.config is None:
            raise ValueError(f'runs: no config file for {title}; wanted one of a level, or of all')
        if title in found:
            raise ValueError(f'runs: two cells are called {title!r}')
        found[title] = Run(title, whole.config, whole.overrides, whole.levels)
    return list(found.values())


def _merged(parts: Iterable[Cell]) -> Cell:
    whole = Cell({})
    for part in parts:
        name = '-'.join(filter(None, (whole.name, part.name)))
        if both := whole.levels.keys() & part.levels.keys():
            raise ValueError(f'{name}: two levels of the choice {min(both)!r}, wanted one')
        for key in whole.overrides.keys() & part.overrides.keys():
            if whole.overrides[key] != part.overrides[key]:
                got = f'{whole.overrides[key]!r} and {part.overrides[key]!r}'
                raise ValueError(f'{name}: {key} is set twice, to {got}')
        if None not in (whole.config, part.config) and whole.config != part.config:
            raise ValueError(f'{name}: two config files, {whole.config} and {part.config}')
        whole = Cell(whole.levels | part.levels, whole.config or part.config, whole.overrides | part.overrides)
    return whole
