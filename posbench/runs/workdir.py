"""The folder of one run: held by one process at a time, and by one config for ever. Nothing in it is ever deleted here.

config.json    the resolved config, written once, whole or not at all
.lock          held (fcntl.flock) for as long as the process lives, with its number inside
"""

import contextlib
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from ml_collections import ConfigDict

from posbench import identity, manifest
from posbench.files import write_atomically
from posbench.knobs import declared, schema
from posbench.knobs.kinds import UsageError
from posbench.runs import locks
from posbench.training import origin

LOCK = '.lock'
# Knobs and groups of them that may change between two commands of a mode: they decide nothing about a run's weights
# but, where it is computed, their last bits, and of its rows only which lengths there are.
STEPS = 'config.train.steps'
PLACE = tuple(name.split('.')[1] for name in origin.PLACE)
IDLE = ('generate', 'debug_nans', *PLACE)
FREE = {'train': IDLE} | dict.fromkeys(('evaluate', 'generate', 'predict', 'embed'), (*IDLE, 'evaluate'))


@contextlib.contextmanager
def open_workdir(
    path: str | os.PathLike,
    config: ConfigDict,
    resume: str = 'auto',
    *,
    mode: str = 'train',
    package: pathlib.Path = declared.PACKAGE,
) -> Iterator[pathlib.Path]:
    """Makes or checks the folder and holds its lock; gives its path.

    `resume`: 'auto' continues a run of the same config or starts one; 'must' wants a run with checkpoints; 'anyway'
    continues one of another config, and config.json is then that of the command; 'never' wants a folder without
    checkpoints and rows, and then replaces another run's config.json. Only training may start a run.

    The config has to be that of config.json, if it is there, and that of the newest checkpoint. What is free in a mode
    may differ from config.json, which stays as it was first written, but for config.train.steps and for where a run is
    computed: it may go on longer, or on other devices, and its config then says so. Of several processes that make up
    one run, the first opens the folder for all.
    Raises UsageError, one line, before anything but the lock was touched.
    """
    path = pathlib.Path(path)
    resume = resume if mode == 'train' or resume == 'anyway' else 'must'
    with locks.usable(path):
        if resume == 'must' and not _has_entries(path / 'checkpoints'):
            raise UsageError(f'{path}: there is no run with checkpoints to resume; start one with --resume=auto')
        path.mkdir(parents=True, exist_ok=True)
    with locks.held(path / LOCK):
        with locks.usable(path):
            _check(path, config, resume, mode, package)
        yield path


def is_done(path: pathlib.Path, config_hash: str | None = None) -> bool:
    """Whether there are rows of the last step, and of that config where one is asked for.

    --mode=evaluate may have written some of an earlier checkpoint, or scored the last one by other settings. Not where
    a file is no longer what the run has written.
    """
    try:
        steps = manifest.last_step(path, json.loads((path / 'config.json').read_text('utf-8')))
        rows = map(json.loads, (path / 'rows.jsonl').read_text('utf-8').splitlines())
        # The row of a reference model has no step.
        done = any(row['step'] == steps is not None and config_hash in (None, row['config_hash']) for row in rows)
        return done and manifest.damage(path) is None
    except (OSError, ValueError, KeyError, TypeError):
        return False


def has_checkpoints(path: pathlib.Path) -> bool:
    """Whether there is anything in the folder of checkpoints."""
    return _has_entries(path / 'checkpoints')


def as_json(config: ConfigDict) -> str:
    """The text of config.json: nested plain JSON, tuples as lists, and paths as `identity.portable` has them."""
    return json.dumps(identity.portable(config.to_dict()), indent=2) + '\n'


def _check(path: pathlib.Path, config: ConfigDict, resume: str, mode: str, package: pathlib.Path) -> None:
    file = path / 'config.json'
    results = results_in(path)
    if resume == 'never' and results:
        raise UsageError(f'{path}: it has {results} of a run, which --resume=never keeps; choose another --workdir')
    if resume not in ('never', 'anyway'):
        if file.exists():
            _compare(path, file, config, mode, package)
        _compare_trained(path, config)
    if not file.exists() or (resume == 'never') or (resume == 'anyway' and mode == 'train'):
        write_atomically(file, as_json(config))


def _compare_trained(path: pathlib.Path, config: ConfigDict) -> None:
    """UsageError where the checkpoints were trained with another config."""
    trained = origin.of_checkpoints(path / 'checkpoints')
    if trained is None:
        return
    where, of_run = trained
    different = origin.config_differences(of_run['config'], config.to_dict())
    if different:
        raise UsageError(
            f'{path}: its checkpoint {where.name} is of another run: {origin.some(different)}; choose another '
            '--workdir, or have both in one run with --resume=anyway'
        )


def _compare(path: pathlib.Path, file: pathlib.Path, config: ConfigDict, mode: str, package: pathlib.Path) -> None:
    try:
        stored = schema.load(file, package=package)
    except UsageError as error:
        raise UsageError(
            f'{file}: it cannot be used as the config of this run ({error}); move that one file away, and the same '
            'command writes it anew, if its checkpoints are of that config; everything else in the folder stays'
        ) from None
    there, here = origin.flat(stored.to_dict()), origin.flat(config.to_dict())
    longer = mode == 'train' and STEPS in here and STEPS in there and here[STEPS] > there[STEPS]
    free = [key for key in {**here, **there} if key.split('.')[1] in FREE[mode] or (longer and key == STEPS)]
    different = [line for key, line in origin.different(there, here).items() if key not in free]
    if different:
        over = '' if results_in(path) else ', or start over here with --resume=never'
        raise UsageError(f'{path}: it holds another run: {origin.some(different)}; choose another --workdir{over}')
    moved = mode == 'train' and any(there.get(key) != here.get(key) for key in here if key.split('.')[1] in PLACE)
    if longer:
        print(_goes_on(path, there, here))
        # It vouches for the files of a run that is done.
        (path / manifest.NAME).unlink(missing_ok=True)
    if longer or (moved and not is_done(path)):
        write_atomically(file, as_json(config))


def _goes_on(path: pathlib.Path, there: dict[str, Any], here: dict[str, Any]) -> str:
    """What a run that goes on longer is, in one line. UsageError where its first steps would have been others."""
    before, after = there[STEPS], here[STEPS]
    if there['config.second_phase.encoding.name'] is not None:
        raise UsageError(
            f'{path}: {STEPS} is {before} there and {after} here, which moves the second phase, whose steps are the '
            'last ones; choose another --workdir'
        )
    line = f'{path}: this run of {before} steps goes on to {after}'
    if there['config.optimizer.schedule'] == 'constant':
        return f'{line}, as if it had been one of {after} from the start.'
    return (
        f'{line}. Not as if it had been one of {after} from the start: its first steps followed a '
        f'{there["config.optimizer.schedule"]} over {before} steps, and those to come follow one over {after}.'
    )


def differences(there: ConfigDict, here: ConfigDict) -> str:
    """What decides about a run and differs between two configs; '' for configs of one run."""
    flat = (origin.flat(identity.deciding(config.to_dict())) for config in (there, here))
    return origin.some(list(origin.different(*flat).values()))


def _has_entries(folder: pathlib.Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


def results_in(path: pathlib.Path) -> str | None:
    """What a run has left in its folder that took time to make."""
    if _has_entries(path / 'checkpoints'):
        return 'checkpoints'
    rows = path / 'rows.jsonl'
    return 'rows' if rows.is_file() and rows.stat().st_size else None
