"""What `launch.py` does with one run: its folder, its modes, and the exit code of each failure.

jax is imported when a folder is open and something is left to do: a run that is done prints its report without it.
"""

import contextlib
import json
import pathlib
from collections.abc import Iterator

from posbench import failures, files, interrupts, manifest
from posbench.devices import cluster, host, partners
from posbench.knobs import UsageError, forms, user_file
from posbench.knobs.command_line import READ_TEXTS
from posbench.runs import console, workdir


def run(request) -> int:
    """One run, in its folder, which no other process may use meanwhile; returns the exit code. Raises UsageError."""
    first = _joins(request)
    with _waits_for_nobody():
        with _folder(request, first) as folder:
            code = _settled(request, folder, first)
            if begins := code is None:
                own = user_file.modules(request.config.to_dict())
                try:
                    code = _in_folder(request, folder, own)
                except Exception as error:
                    # A file that raises when it is compiled or scored is as bad an input as one that cannot be read.
                    line = user_file.blame(error, own)
                    if line is None:
                        raise
                    code = console.fail(line, 2)
        if begins and code == 0 and first and request.mode in ('train', 'evaluate'):
            code = console.report(folder)
        return partners.leave(code)


def _joins(request) -> bool:
    """Joins the processes that make up the run, if there are several; whether this is the first of them."""
    host.prepare(request.devices)
    if not (request.config.distributed or (request.config.distributed is None and cluster.named())):
        return True
    from posbench.devices import parallel

    first = parallel.initialize()
    interrupts.take_back()
    return first


@contextlib.contextmanager
def _waits_for_nobody() -> Iterator[None]:
    """Of several processes that make up a run, one that fails ends without waiting for the others."""
    try:
        yield
    except Exception as error:
        if not partners.there_are():
            raise
        if partners.took_down(error):
            partners.over(partners.GONE)
        if isinstance(error, UsageError):
            partners.leave(console.fail(str(error), 2))
        if isinstance(error, OSError):
            partners.leave(console.fail(files.in_words(error), 1))
        partners.fail(error)


def _folder(request, first: bool) -> contextlib.AbstractContextManager[pathlib.Path]:
    if request.mode == 'params' or not first:
        # The table of parameters needs no folder; the first process of several has opened theirs.
        return contextlib.nullcontext(request.workdir)
    return workdir.open_workdir(request.workdir, request.config, request.resume, mode=request.mode)


def _settled(request, folder: pathlib.Path, first: bool) -> int | None:
    """The exit code of a run that is done or damaged, once that is said; None where something is left to do."""
    damage = manifest.damage(folder) if request.mode in ('train', 'evaluate') and first else None
    if damage and (request.mode == 'evaluate' or not workdir.has_checkpoints(folder)):
        return console.fail(f'{folder}: {damage}; {_REMEDY[request.mode]}', 1)
    if damage and not request.quiet:
        print(f'{folder}: {damage}; this run is scored again.')
    if request.mode == 'train' and not damage and workdir.is_done(folder):
        if not first:
            return 0
        print(f'{folder}: this run is done; here is its report.')
        return console.report(folder)
    return None


# Where what a finished run has written is no longer what it wrote.
_REMEDY = dict(
    train='move its manifest.json and rows.jsonl away, and the same command trains it again from its first step',
    evaluate='without --mode the command makes it whole again',
)


def _in_folder(request, folder: pathlib.Path, own: list[str]) -> int:
    """Trains and scores, or what `request.mode` says; `own` are files of the user's that take part."""
    import jax

    from posbench.devices import compiling, fingerprint, parallel
    from posbench.runs import rows
    from posbench.training import checkpoint, init, loop, progress, room

    compiling.so_far()  # From here on it counts.
    config = request.config
    kind = _kind(config)
    host.compilation_cache(str(_cache(config) / 'xla'))
    if own:
        # The frames that jax hides tell what the user's code raised from what jax made of its results.
        jax.config.update('jax_traceback_filtering', 'off')
    try:
        # A folder may have another name than the config that its run began with.
        one = kind.build(config, rows.name_of(folder, request.config_name, config.experiment), request.mode)
    except Exception as error:
        line = user_file.explain(error, own)
        if line is None:
            raise
        return console.fail(line, 2)
    try:
        if request.mode == 'params':
            kind.show_parameters(one)
            return 0

        def write_fingerprint():
            start = dict(command=request.command, **fingerprint.fingerprint())
            if parallel.is_first():
                files.write_atomically(folder / 'fingerprint.json', json.dumps(start, indent=2) + '\n')

        with progress.Progress(request.quiet or not parallel.is_first()) as bar:
            if request.mode == 'train':
                for line in dict.fromkeys(kind.about(one)):
                    bar.note(line)
                write_fingerprint()
                if parallel.is_first():
                    failures.forget(folder)
                done = (folder / 'checkpoints' / f'{one.schedule.steps:08d}').is_dir()
                if said := kind.check_room(one, trains=not done):
                    bar.note(said)
                trained = loop.run(one, folder, request.resume, bar, request.profile)
                interrupts.leaves(f'all {trained.step} steps are saved; the same command scores them.')
            else:
                if request.mode == 'evaluate':
                    # Before the weights take what is asked for.
                    kind.check_room(one, trains=False)
                trained = loop.restore(one, folder, bar, request.resume)
            if request.mode == 'generate':
                return kind.say(one, trained, config)
            if request.mode in READ_TEXTS:
                return kind.answer(one, trained, request)
            if request.mode == 'evaluate':
                # Not before the weights were found to be of this config and these data.
                write_fingerprint()
            kind.score(one, trained, folder, bar, config)
        interrupts.leaves('the rows are written; the same command makes the report.')
        return 0
    except (init.InitError, loop.AnotherRun) as error:
        return console.fail(str(error), 2)
    except loop.NotANumber as error:
        return _failed(request, folder, 'nan', str(error))
    except room.NoRoom as error:
        return _failed(request, folder, 'out of memory', str(error))
    except checkpoint.CheckpointError as error:
        if partners.took_down(error):
            raise
        return console.fail(str(error), 1)
    except (MemoryError, jax.errors.JaxRuntimeError) as error:
        if isinstance(error, jax.errors.JaxRuntimeError) and 'RESOURCE_EXHAUSTED' not in str(error):
            raise
        line = str(error).partition('\n')[0].rstrip('.') or 'out of memory'
        line = f'{line}; the last checkpoint is kept; a smaller {kind.SMALLER} asks for less'
        return _failed(request, folder, 'out of memory', line)
    except loop.Interrupted as error:
        return console.fail(str(error), error.code)


def _failed(request, folder: pathlib.Path, failure: str, line: str) -> int:
    """Says why there are no results, in the folder too, from where a report has it; returns the exit code."""
    from posbench.devices import parallel

    if request.mode == 'train' and parallel.is_first():
        failures.write(folder, folder.name, failure, line)
    return console.fail(line, 1)


def _kind(config):
    """The module that knows what is trained: models or vectors, which have the same functions."""
    if forms.of(config) is forms.WORD_VECTORS:
        from posbench.runs import vectors as kind
    else:
        from posbench.runs import models as kind
    return kind


def _cache(config) -> pathlib.Path:
    """Where compiled programs are kept: beside prepared data."""
    data_dir = None if config.dataset is None else config.dataset.get('data_dir')
    return pathlib.Path(data_dir or '~/.cache/posbench').expanduser()
