"""Checkpoints that neither a kill nor a flipped bit can turn into wrong numbers.

    checkpoints/00000500/state/          written by Orbax, in the background
    checkpoints/00000500/manifest.json   the SHA-256 of every file
    checkpoints/partial-00000500/        a step that is being saved, or removed, or was when the run was killed
    checkpoints/damaged-00000500-1/      a step that failed its check, moved aside before the next save

Orbax survives kills, but it returns a flipped bit in an array file as a silently wrong number; hence the manifest. A
step gets its name when its manifest is there and its state was read back, and loses it before anything in it is
removed: what is not whole under such a name was damaged, and is never deleted.
"""

import contextlib
import dataclasses
import errno
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
from posbench.training import arrays

PARTIAL = 'partial-'


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
    beside: raises manifest.Damaged where what the notes of a step say of files elsewhere is no longer so; that step is
        then passed over as if it were damaged itself.
    """

    def __init__(
        self,
        folder: str | Path,
        keep: int,
        log: Callable[[str], None] = print,
        always: Collection[int] = (),
        beside: Callable[[dict[str, Any]], None] = lambda notes: None,
    ):
        if keep < 1:
            raise ValueError(f'keep is {keep}; at least 1 checkpoint has to stay')
        self.folder = Path(folder).absolute()  # Orbax insists on absolute paths.
        self.keep = keep
        self.always = frozenset(always)
        self._log = log
        self._beside = beside
        self._thread = ThreadPoolExecutor(1, 'checkpoint')
        self._saving: Future | None = None
        self._current: int | None = None  # the step that the caller's state came from or went to
        self._rejected: set[int] = set()

    def steps(self) -> list[int]:
        """Finished steps, oldest first; their files have not been checked."""
        return sorted(step for step, _ in self._step_folders())

    def save(self, step: int, state: Any, notes: dict[str, Any] | None = None) -> None:
        """Starts to save a tree of jax arrays; returns once they are copied, so that the caller may donate them.

        Waits for the save before, and raises CheckpointError if that one or the start of this one failed. The step
        that was last saved or restored is there already; any other step has to be newer than all finished ones.

        notes: plain JSON, returned by `restore`.
        """
        self.wait()
        if step == self._current:
            return
        if newer := [other for other in self.steps() if other >= step and other not in self._rejected]:
            raise CheckpointError(f'Cannot save step {step}: {self.folder} already holds step {newer[-1]}')
        content = {'step': step, 'notes': json.loads(json.dumps(notes or {})), 'leaves': arrays.kinds(state)}
        with self._explained(step):
            # Something is still under way only if an interrupt hit the last save between its start and its end.
            self._orbax.wait_until_finished()
            if jax.process_index() == 0:
                self._tidy()
                self._partial(step).mkdir(parents=True)
            arrays.save(self._orbax, self._partial(step) / 'state', state)
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
        for path in self._partial_folders() if step is None else ():
            self._log(f'Ignored {path.name}: its save, or its removal, was never finished')
        rejected = []
        for candidate in reversed(steps):
            try:
                content = self._verify(candidate)
                wanted = abstract_state(candidate) if callable(abstract_state) else abstract_state
                _compare(candidate, content['leaves'], arrays.kinds(wanted))
                state = arrays.restore(self._orbax, self._path(candidate) / 'state', wanted)
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
        return arrays.checkpointer()

    def _path(self, step: int) -> Path:
        return self.folder / f'{step:08d}'

    def _step_folders(self) -> list[tuple[int, Path]]:
        paths = self.folder.iterdir() if self.folder.is_dir() else ()
        return [(int(p.name), p) for p in paths if p.name.isdecimal() and p == self._path(int(p.name)) and p.is_dir()]

    def _partial(self, step: int) -> Path:
        return self.folder / f'{PARTIAL}{step:08d}'

    def _partial_folders(self) -> list[Path]:
        return sorted(self.folder.glob(f'{PARTIAL}*'))

    def _tidy(self) -> None:
        """Moves damaged steps aside and removes what an interrupted save left; none is under way when it is called."""
        for step, path in self._step_folders():
            if step in self._rejected:
                number = 1
                while (aside := self.folder / f'damaged-{path.name}-{number}').exists():
                    number += 1
                path.rename(aside)
                self._log(f'Moved damaged step {step} to {aside.name}')
        for path in self._partial_folders():
            shutil.rmtree(path)
            self._log(f'Removed {path.name}, whose save, or removal, was never finished')

    def _finish(self, step: int, content: dict[str, Any]) -> None:
        with self._explained(step):
            self._orbax.wait_until_finished()
            if jax.process_index() == 0:
                partial = self._partial(step)
                manifest.write(partial, content)
                arrays.read_back(partial / 'state', content['leaves'])
                partial.rename(self._path(step))
                manifest.sync(self.folder)
            self._current, self._rejected = step, set()
            if jax.process_index() == 0:
                for old in [other for other in self.steps() if other not in self.always][: -self.keep]:
                    # Its name goes first: a kill in between leaves no damaged step.
                    shutil.rmtree(self._path(old).rename(self._partial(old)))

    def _verify(self, step: int) -> dict[str, Any]:
        """The manifest's content; raises manifest.Damaged. Process 0 reads the files on behalf of all."""
        path = self._path(step)
        damage = None
        if jax.process_index() == 0:
            try:
                content = manifest.verify(path)
                if content['step'] != step:
                    raise manifest.Damaged(f'it is step {content["step"]} under another name')
                self._beside(content['notes'])
            except manifest.Damaged as error:
                damage = error
        if jax.process_count() > 1:
            from jax.experimental import multihost_utils

            if multihost_utils.broadcast_one_to_all(damage is not None) and damage is None:
                damage = manifest.Damaged('process 0 found it damaged')
        if damage is not None:
            raise damage
        return manifest.read(path)

    @contextlib.contextmanager
    def _explained(self, step: int):
        try:
            yield
        except Exception as error:
            raise CheckpointError(f'Cannot save step {step} in {self.folder}: {_one_line(error)}') from error


def read_arrays(folder: str | Path) -> tuple[int, dict[str, Any]]:
    """(step, NumPy arrays by path) of the newest checkpoint of another run, whatever its shapes are.

    Raises CheckpointError where there is none, or where it is damaged: older weights would pass for those of the last
    step. Nothing is written.
    """
    checkpoints = Checkpoints(folder, keep=1)
    if not (steps := checkpoints.steps()):
        raise CheckpointError(f'{folder}: got no good checkpoint, wanted at least one to start from')
    path = checkpoints._path(steps[-1])
    try:
        manifest.verify(path)
        return steps[-1], arrays.read(path / 'state')
    except Exception as error:  # Orbax raises anything from FileNotFoundError to bare Exception.
        raise CheckpointError(
            f'{path}: damaged: {_one_line(error)}; move it away to start from the one before'
        ) from error


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
    text = ' '.join(str(error).split())
    # Of all that Orbax and tensorstore wrap around it, this is what the user can do something about.
    for reason in map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES)):
        if reason in text:
            return reason
    text = text[:300]
    return text if isinstance(error, manifest.Damaged) else f'{type(error).__name__}: {text}'
