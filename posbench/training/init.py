"""Where a state's parameters come from: drawn, another run's checkpoint, a published model, the phase before.

All of it is one thing: a tree of parameters, some of which are taken by their path where path and shape fit. What
matched and what did not is said. Parameters that are never trained lie apart, once for all seeds.
"""

import fnmatch
import json
import pathlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import numpy as np

from posbench import pretrained
from posbench.training import checkpoint


class InitError(ValueError):
    """Weights that cannot be taken from where config.init says; one line for the user."""


class Given(NamedTuple):
    """Parameters to take, by path: [S, ...] where there are `seeds`, without that axis where there are none."""

    name: str
    leaves: dict[str, Any]
    seeds: tuple[int, ...] | None


def by_path(tree: Any) -> dict[str, Any]:
    """Leaves of a tree of parameters by paths such as `block_0/query/kernel`."""
    return {_path(path): leaf for path, leaf in jax.tree.leaves_with_path(tree)}


def leaves_of(state: Any) -> dict[str, Any]:
    """The parameters of a state by their paths, the trained ones [S, ...] and the frozen ones."""
    return by_path(state.params) | by_path(state.frozen)


def map_by_path(function: Callable[[str, Any], Any], tree: Any) -> Any:
    """A tree of function(path, leaf)."""
    return jax.tree.map_with_path(lambda path, leaf: function(_path(path), leaf), tree)


def _path(path: tuple) -> str:
    return jax.tree_util.keystr(path, simple=True, separator='/')


def fits(path: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns, those of fnmatch, is that of the path."""
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def split(params: dict, is_frozen: Callable[[str], bool]) -> tuple[dict, dict]:
    """(what is trained, what is not); a branch that is empty in a half is not in it, unless it was empty before."""
    halves = ({}, {})
    for name, value in params.items():
        if isinstance(value, dict):
            parts = split(value, lambda path, name=name: is_frozen(f'{name}/{path}'))
            if not value:
                halves[0][name] = {}
            for half, part in zip(halves, parts):
                if part:
                    half[name] = part
        else:
            halves[is_frozen(name)][name] = value
    return halves


def merged(trained: dict, frozen: dict | None) -> dict:
    """The parameters of the model, of its two halves."""
    if not frozen:
        return trained
    both = {name: merged(trained[name], frozen[name]) for name in trained if name in frozen}
    return {**trained, **frozen, **both}


class Taken(NamedTuple):
    """The paths that were taken, those that were not given or have in another shape, and what nobody wanted of it."""

    taken: list[str]
    missing: list[str]
    left: list[str]

    def sentences(self, name: str) -> list[str]:
        """What was taken from where, and what was not, a line each."""
        lines = [f'Weights of {name}: {len(self.taken)} of {len(self.taken) + len(self.missing)} parameters taken.']
        if self.missing:
            lines.append(f'Not taken, and drawn anew: {some(self.missing)}.')
        if self.left:
            lines.append(f'Left there: {some(self.left)}.')
        return lines


def some(names: list[str], most: int = 6) -> str:
    """The first ones of a list, and how many more there are."""
    more = f' and {len(names) - most} more' if len(names) > most else ''
    return ', '.join(names[:most]) + more


def match(shapes: dict[str, tuple], given: dict[str, tuple], wanted: Callable[[str], bool]) -> Taken:
    """Which of the parameters of `shapes` that are `wanted` are taken of those `given`, by path and shape."""
    taken, missing = [], []
    for path, shape in shapes.items():
        if not wanted(path):
            continue
        if given.get(path) == shape:
            taken.append(path)
        else:
            missing.append(path if path not in given else f'{path} (got {given[path]}, wanted {shape})')
    left = [path for path in given if path not in taken]
    return Taken(taken, missing, left)


def take(params: dict, leaves: dict[str, Any], taken: Iterable[str]) -> dict:
    """`params` with the leaves that are taken in place of its own."""
    taken = set(taken)
    return map_by_path(lambda path, own: leaves[path] if path in taken else own, params)


def read(folder: str | pathlib.Path) -> Given:
    """The parameters of a run's newest good checkpoint, or of a folder in Hugging Face layout.

    InitError for a folder that is neither.
    """
    folder = pathlib.Path(folder).expanduser()
    if (folder / 'checkpoints').is_dir():
        config = json.loads((folder / 'config.json').read_text('utf-8'))
        try:
            step, state = checkpoint.read_arrays(folder / 'checkpoints')
        except checkpoint.CheckpointError as error:
            raise InitError(f'config.init.folder: {error}') from None
        seeds = tuple(config['seeds'])
        frozen = {path: np.broadcast_to(x, (len(seeds), *x.shape)) for path, x in _below(state, 'frozen').items()}
        return Given(f'{folder}, step {step}', _below(state, 'params') | frozen, seeds)
    if not (folder / 'config.json').is_file():
        raise InitError(
            f'config.init.folder: got {str(folder)!r}, wanted the folder of a run with checkpoints, or one in Hugging '
            'Face layout with a config.json'
        )
    try:
        return Given(str(folder), by_path(pretrained.read_params(folder)), None)
    except ValueError as error:
        raise InitError(f'config.init.folder: {error}') from None


def _below(leaves: dict[str, Any], group: str) -> dict[str, Any]:
    return {path.removeprefix(f'{group}/'): leaf for path, leaf in leaves.items() if path.startswith(f'{group}/')}


def of_seeds(given: Given, seeds: tuple[int, ...], seed: int | None = None) -> dict[str, np.ndarray]:
    """Leaves with the seeds of a run first: those of `seed` for all; None: each its own, or the first one otherwise.

    InitError where there is no such seed.
    """
    if seed is not None and seed not in (given.seeds or ()):
        has = f'one of {given.seeds}' if given.seeds else 'None'
        raise InitError(f'config.init.seed: got {seed}, wanted {has}, as {given.name} has it')
    seeds = seeds if seed is None else (seed,) * len(seeds)
    if given.seeds is None:
        return {path: np.broadcast_to(leaf, (len(seeds), *leaf.shape)) for path, leaf in given.leaves.items()}
    places = [given.seeds.index(seed) if seed in given.seeds else 0 for seed in seeds]
    return {path: np.asarray(leaf)[places] for path, leaf in given.leaves.items()}
