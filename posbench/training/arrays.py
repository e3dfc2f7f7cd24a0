"""A tree of arrays in a folder, written and read by Orbax, which no other file knows."""

import glob
import logging
import math
import os
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np

from posbench import manifest


def checkpointer():
    """What saves in the background and restores. Imports Orbax, which takes 0.5 to 1.4 s."""
    import orbax.checkpoint as ocp

    # What fails in one of its threads is raised by the save; it is logged too, and what tensorstore's threads have to
    # say to an event loop that is gone by then would be a traceback for each of them.
    logging.getLogger('absl').setLevel(logging.CRITICAL)
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _print_but_of_a_closed_loop
    # Weights are noise: compression would save 8 % of the bytes for a quarter of the time.
    return ocp.AsyncCheckpointer(ocp.PyTreeCheckpointHandler(use_compression=False))


def save(orbax, path: Path, tree: Any) -> None:
    """Starts to write a tree of jax arrays; returns once they are copied."""
    import orbax.checkpoint as ocp

    orbax.save(_literal(path), args=ocp.args.PyTreeSave(tree))


def restore(orbax, path: Path, abstract: Any) -> Any:
    """The tree as `abstract` has it: leaves without a sharding go to the first device."""
    import orbax.checkpoint as ocp

    first = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    target = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding or first), abstract
    )
    restore_args = ocp.checkpoint_utils.construct_restore_args(target)
    return orbax.restore(_literal(path), args=ocp.args.PyTreeRestore(target, restore_args=restore_args))


def read(path: Path) -> dict[str, np.ndarray]:
    """Every array by its path in the tree, whatever there is."""
    import orbax.checkpoint as ocp

    orbax = ocp.PyTreeCheckpointer()
    tree = orbax.metadata(_literal(path)).item_metadata.tree
    restore_args = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), tree)
    return _by_path(orbax.restore(_literal(path), args=ocp.args.PyTreeRestore(restore_args=restore_args)))


def read_back(path: Path, wanted: dict[str, str]) -> None:
    """Raises where what was just written cannot be read: every leaf's name, shape and dtype, as `kinds` has them, and
    the values of the smallest, which stand behind the same index as all others.
    """
    import orbax.checkpoint as ocp

    # Not a checkpointer, which would wait for all processes.
    handler = ocp.PyTreeCheckpointHandler()
    tree = handler.metadata(_literal(path)).tree
    found = kinds(tree)
    # A typed key is written as its numbers.
    wrong = [name for name, kind in wanted.items() if found.get(name) != kind and not kind.startswith('key<')]
    if wrong or found.keys() != wanted.keys():
        raise manifest.Damaged(f'what was written has no {[*wrong, *(wanted.keys() ^ found.keys())][0]}')
    flat, structure = jax.tree.flatten(tree)
    smallest = min(flat, key=lambda leaf: math.prod(leaf.shape), default=None)
    targets = structure.unflatten([leaf if leaf is smallest else ocp.PLACEHOLDER for leaf in flat])
    restore_args = structure.unflatten([ocp.RestoreArgs(restore_type=np.ndarray)] * len(flat))
    handler.restore(_literal(path), args=ocp.args.PyTreeRestore(targets, restore_args=restore_args))


def kinds(tree: Any) -> dict[str, str]:
    """{'params/embed/kernel': 'float32[1024,128]'}"""
    return {path: f'{x.dtype}[{",".join(map(str, x.shape))}]' for path, x in _by_path(tree).items()}


def _by_path(tree: Any) -> dict[str, Any]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator='/'): leaf for path, leaf in leaves}


def _literal(path: Path):
    """The path as Orbax takes it, in which a folder may be called runs/[1]: Orbax looks for its files by a pattern."""
    from etils import epath

    class Literal(type(epath.Path(path))):
        def glob(self, pattern):
            return (type(self)(found) for found in glob.iglob(os.path.join(glob.escape(os.fspath(self)), pattern)))

    return Literal(path)


def _print_but_of_a_closed_loop(unraisable) -> None:
    if str(unraisable.exc_value) != 'Event loop is closed':
        sys.__unraisablehook__(unraisable)
