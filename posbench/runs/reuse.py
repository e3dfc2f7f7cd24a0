"""Runs that differ in nothing but how they are scored are trained once.

The weights of such a run are those of the other one, bit for bit, and so are its rows, because a run that is found with
the checkpoint of its last step has only to be scored.
"""

import contextlib
import os
import pathlib
import shutil
from collections.abc import Iterable

from posbench import identity
from posbench.files import write_atomically
from posbench.runs import workdir
from posbench.runs.plan import Planned
from posbench.training.log import NAMES


def key(one: Planned) -> str:
    """The same for runs with the same weights: the hash of all that decides but config.evaluate."""
    config = one.config.to_dict()
    if one.steps is not None:
        del config['evaluate']
    return identity.config_hash(config)


def trained(runs: Iterable[Planned]) -> Planned | None:
    """The first of these that is done and still has the weights of its last step."""
    return next((one for one in runs if one.is_done and _last(one.folder, one.steps).is_dir()), None)


def take(source: Planned, target: Planned) -> None:
    """Gives the folder of a run the weights and logs of another one. Killed in between, it is done again.

    Files of checkpoints are never changed, so that both folders may have the same ones; logs are, and are copied.
    """
    write_atomically(target.folder / 'config.json', workdir.as_json(target.config))
    for name in NAMES:
        write_atomically(target.folder / name, (source.folder / name).read_bytes())
    # The oldest first: a run goes on from what is there.
    for step in sorted((source.folder / 'checkpoints').glob('[0-9]*')):
        there = target.folder / 'checkpoints' / step.name
        partial = there.with_name(f'partial-{step.name}')  # as training/checkpoint.py calls what is not whole
        if not there.exists():
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(partial)
            shutil.copytree(step, partial, copy_function=_link)
            partial.rename(there)


def _last(folder: pathlib.Path, steps: int | None) -> pathlib.Path:
    return folder / 'checkpoints' / f'{steps or 0:08d}'


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        # Another file system, or one without links.
        shutil.copy2(source, target)
