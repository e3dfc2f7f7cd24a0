"""Checkpoints that neither a kill nor a flipped bit can turn into wrong numbers.

    checkpoints/00000500/state/          written by Orbax, in the background
    checkpoints/00000500/manifest.json   the SHA-256 of every file, written last: without it there is no checkpoint
    checkpoints/damaged-00000500-1/      a step that failed its check, moved aside before the next save

Orbax survives kills, but it returns a flipped bit in an array file as a silently wrong number; hence the manifest.
"""

import contextlib
import dataclasses
import functools
import json
import os
import shutil
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax

from posbench import manifest


class CheckpointError(RuntimeError):
    """A checkpoint could not be written, or there are some and none can be used; the message is for the user."""


@dataclasses.dataclass(frozen=True)
class Restored:
    step: int
    state: Any
    notes: dict[str, Any]
    rejected: list[tuple[int, str]]  # newer steps that were passed over, newest first, and why


class Checkpoints:
    """The checkpoints of one run. A context manager: leaving it waits for the save under way.

    Constructing and restoring write nothing, so that a run can be evaluated while it trains. With several processes
    all of them call every method in the same order, and share the folder; process 0 checks, finishes and deletes.

    folder: created by the first save.
    keep: newest checkpoints that stay; an older one goes only after a newer one is finished.
    always: steps whose checkpoints stay as well, and are not counted.
    log: takes one line about anything unusual.
    """

    def __init__(self, folder: str | Path, keep: int, log: Callable[[str], None] = print, always: Collection[int] = ()):
        if keep < 1:
            raise ValueError(f'keep is {keep}; at least 1 checkpoint has to stay')
        self.folder = Path(folder).absolute()  # Orbax insists on absolute paths.
        self.keep = keep
        self.always = frozenset(always)
        self._log = log
        self._thread = ThreadPoolExecutor(1, 'checkpoint')
        self._saving: Future | None = None
        self._current: int | None = None  # the step that the caller's state came from or went to
        self._rejected: set[int] = set()

    def steps(self) -> list[int]:
        """Finished steps, oldest first; their files have not been checked."""
        return sorted(step for step, path in self._step_folders() if (path / manifest.NAME).exists())

    def save(self, step: int, state: Any, notes: dict[str, Any] | None = None) -> None:
        """Starts to save a tree of jax arrays; returns once they are copied, so that the caller may donate them.

        Waits for the save before, and raises CheckpointError if that one or the start of this one failed. The step
        that was last saved or restored is there already; any other step has to be newer than all finished ones.

        notes: plain JSON, returned by `restore`.
        """
        import orbax.checkpoint as ocp

        self.wait()
        if step == self._current:
            return
        if newer := [other for other in self.steps() if other >= step and other not in self._rejected]:
            raise CheckpointError(f'Cannot save step {step}: {self.folder} already holds step {newer[-1]}')
        content = {'step': step, 'notes': json.loads(json.dumps(notes or {})), 'leaves': _leaves(state)}
        with self._explained(step):
            # Something is still under way only if an interrupt hit the last save between its start and its end.
            self._orbax.wait_until_finished()
            if jax.process_index() == 0:
                self._tidy()
                self._path(step).mkdir(parents=True)
            self._orbax.save(self._path(step) / 'state', args=ocp.args.PyTreeSave(state))
        self._saving = self._thread.submit(self._finish, step, content)

    def wait(self) -> None:
        """Returns when the save under way is finished and on disk; raises CheckpointError if it failed."""
        saving, self._saving = self._saving, None
        if saving is not None:
            saving.result()

    def restore(self, abstract_state: Any, *, step: int | None = None) -> Restored | None:
        """The newest good checkpoint (or `step` and no other), or None if no checkpoint was ever finished here.

        abstract_state: a tree of jax.ShapeDtypeStruct, or of arrays, or a function that gives the one of a step.
        Leaves come back with the sharding given there, which need not be the one they were saved with; without one
        they go to the first device.

        Raises CheckpointError if there are checkpoints and none is good, or if the leaves' names, shapes or dtypes
        are not those of `abstract_state`: that is another configuration, not damage.
        """
        self.wait()
        if jax.process_count() > 1:
            from jax.experimental import multihost_utils

            # Process 0 finishes a save after the others are done with it; all of them should look afterwards.
            multihost_utils.sync_global_devices('posbench checkpoints')
        steps = self.steps() if step is None else [step]
        for other, path in self._step_folders():
            if step is None and not (path / manifest.NAME).exists():
                self._log(f'Ignored step {other}: it has no {manifest.NAME}, so its save was never finished')
        rejected = []
        for candidate in reversed(steps):
            try:
                content = self._verify(candidate)
                wanted = abstract_state(candidate) if callable(abstract_state) else abstract_state
                _compare(candidate, content['leaves'], _leaves(wanted))
                state = self._read(candidate, wanted)
            except CheckpointError:
                raise
            except Exception as error:  # Orbax raises anything from FileNotFoundError to bare Exception.
                rejected.append((candidate, _one_line(error)))
                self._log(f'Rejected step {candidate}: {rejected[-1][1]}')
                continue
            self._current = candidate
            self._rejected = {step for step, _ in rejected}
            return Restored(candidate, state, content['notes'], rejected)
        if rejected:
            reasons = '; '.join(f'step {step}: {reason}' for step, reason in rejected)
            raise CheckpointError(f'No checkpoint in {self.folder} can be used. {reasons}')
        return None

    def close(self) -> None:
        """Waits for the save under way; raises CheckpointError if it failed."""
        try:
            self.wait()
        finally:
            self._thread.shutdown()
            if '_orbax' in self.__dict__:
                self._orbax.close()

    def __enter__(self) -> 'Checkpoints':
        return self

    def __exit__(self, kind, error, traceback) -> None:
        try:
            self.close()
        except CheckpointError as failure:
            if error is None:
                raise
            self._log(str(failure))  # The exception under way is the one to be seen.

    @functools.cached_property
    def _orbax(self):
        import orbax.checkpoint as ocp  # 0.5 to 1.4 s; a run that never saves should not pay for it.

        # Weights are noise: compression would save 8 % of the bytes for a quarter of the time.
        return ocp.AsyncCheckpointer(ocp.PyTreeCheckpointHandler(use_compression=False))

    def _path(self, step: int) -> Path:
        return self.folder / f'{step:08d}'

    def _step_folders(self) -> list[tuple[int, Path]]:
        paths = self.folder.iterdir() if self.folder.is_dir() else ()
        return [(int(p.name), p) for p in paths if p.name.isdecimal() and p == self._path(int(p.name)) and p.is_dir()]

    def _tidy(self) -> None:
        """Moves damaged steps aside and removes what an interrupted save left; none is under way when it is called."""
        for step, path in self._step_folders():
            if step in self._rejected:
                number = 1
                while (aside := self.folder / f'damaged-{path.name}-{number}').exists():
                    number += 1
                path.rename(aside)
                self._log(f'Moved damaged step {step} to {aside.name}')
            elif not (path / manifest.NAME).exists():
                shutil.rmtree(path)
                self._log(f'Removed step {step}, whose save was never finished')

    def _finish(self, step: int, content: dict[str, Any]) -> None:
        with self._explained(step):
            self._orbax.wait_until_finished()
            if jax.process_index() == 0:
                manifest.write(self._path(step), content)
            self._current, self._rejected = step, set()
            if jax.process_index() == 0:
                for old in [other for other in self.steps() if other not in self.always][: -self.keep]:
                    # The manifest goes first: a kill in between leaves an unfinished step, not a damaged one.
                    os.remove(self._path(old) / manifest.NAME)
                    shutil.rmtree(self._path(old))

    def _verify(self, step: int) -> dict[str, Any]:
        """The manifest's content; raises manifest.Damaged. Process 0 reads the files on behalf of all."""
        path = self._path(step)
        damage = None
        if jax.process_index() == 0:
            try:
                if manifest.verify(path)['step'] != step:
                    damage = manifest.Damaged(f'it is step {manifest.read(path)["step"]} under another name')
            except manifest.Damaged as error:
                damage = error
        if jax.process_count() > 1:
            from jax.experimental import multihost_utils

            if multihost_utils.broadcast_one_to_all(damage is not None) and damage is None:
                damage = manifest.Damaged('process 0 found it damaged')
        if damage is not None:
            raise damage
        return manifest.read(path)

    def _read(self, step: int, abstract_state: Any) -> Any:
        import orbax.checkpoint as ocp

        first = jax.sharding.SingleDeviceSharding(jax.devices()[0])
        target = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=leaf.sharding or first), abstract_state
        )
        restore_args = ocp.checkpoint_utils.construct_restore_args(target)
        args = ocp.args.PyTreeRestore(target, restore_args=restore_args)
        return self._orbax.restore(self._path(step) / 'state', args=args)

    @contextlib.contextmanager
    def _explained(self, step: int):
        try:
            yield
        except Exception as error:
            raise CheckpointError(f'Cannot save step {step} in {self.folder}: {_one_line(error)}') from error


def read_arrays(folder: str | Path) -> tuple[int, dict[str, Any]]:
    """(step, NumPy arrays by path) of the newest good checkpoint of another run, whatever its shapes are.

    Raises CheckpointError where there is none. Nothing is written.
    """
    import numpy as np
    import orbax.checkpoint as ocp

    # One that only looks: what it rejects stays where it is.
    checkpoints = Checkpoints(folder, keep=1, log=lambda line: None)
    with checkpoints:
        for step in reversed(checkpoints.steps()):
            path = checkpoints._path(step)
            try:
                manifest.verify(path)
                handler = ocp.PyTreeCheckpointer()
                tree = handler.metadata(path / 'state').item_metadata.tree
                restore_args = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), tree)
                state = handler.restore(path / 'state', args=ocp.args.PyTreeRestore(restore_args=restore_args))
            except Exception:  # Orbax raises anything from FileNotFoundError to bare Exception.
                continue
            return step, {jax.tree_util.keystr(at, simple=True, separator='/'): x for at, x in _flat(state)}
    raise CheckpointError(f'{folder}: got no good checkpoint, wanted at least one to start from')


def _flat(tree: Any) -> list:
    return jax.tree_util.tree_flatten_with_path(tree)[0]


def _leaves(tree: Any) -> dict[str, str]:
    """{'params/embed/kernel': 'float32[1024,128]'}"""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator='/'): f'{x.dtype}[{",".join(map(str, x.shape))}]'
        for path, x in leaves
    }


def _compare(step: int, found: dict[str, str], wanted: dict[str, str]) -> None:
    names = [name for name in {**wanted, **found} if found.get(name) != wanted.get(name)]
    if names:
        name = names[0]
        more = f' (and {len(names) - 1} more leaves differ)' if len(names) > 1 else ''
        raise CheckpointError(
            f'Step {step} is of another model or optimizer: '
            f'{name} is {found.get(name, "absent")}, wanted {wanted.get(name, "absent")}{more}'
        )


def _one_line(error: BaseException) -> str:
    text = ' '.join(str(error).split())[:300]
    return text if isinstance(error, manifest.Damaged) else f'{type(error).__name__}: {text}'
