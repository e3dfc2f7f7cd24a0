"""What `launch.py` does with one run once the folder is open: the modes, and the exit code of each failure."""

import json
import pathlib
from collections.abc import Callable

import jax

from posbench.training import checkpoint, generate, job, loop, parameters
from posbench.devices import fingerprint, host, parallel
from posbench.models import kernels
from posbench.atlas import picture
from posbench.runs import rows
from posbench.files import write_atomically
from posbench.training.progress import Progress


def run(request, folder: pathlib.Path, fail: Callable[[str, int], int]) -> int:
    """Trains and scores, or what `request.mode` says; returns the exit code."""
    config = request.config
    cache = pathlib.Path(config.dataset.data_dir or '~/.cache/posbench').expanduser() / 'xla'
    host.compilation_cache(str(cache))
    if config.debug_nans:
        jax.config.update('jax_debug_nans', True)
    try:
        one = job.from_config(config, request.config_name)
        one.check()
    except ValueError as error:
        return fail(str(error), 2)
    try:
        if request.mode == 'params':
            for phase in one.phases:
                parameters.show(phase)
            return 0
        start = dict(command=request.command, **fingerprint.fingerprint())
        if parallel.is_first():
            write_atomically(folder / 'fingerprint.json', json.dumps(start, indent=2) + '\n')
        with Progress(request.quiet or not parallel.is_first()) as progress:
            if request.mode == 'train':
                for line in dict.fromkeys(_kernel(phase.model) for phase in one.phases):
                    progress.note(line)
                trained = loop.run(one, folder, request.resume, progress)
            else:
                trained = loop.restore(one, folder, progress)
            # The newest checkpoint of a run that is not done may be of its first phase.
            phase = one.at(trained.step)
            if request.mode == 'generate':
                options = generate.Options(**config.generate)
                _show_text(phase, trained, options)
                return 0
            # The rows come last: a folder with rows is done, and nothing is added to it but its report.
            picture.write(phase, trained, folder)
            rows.score(phase, trained, folder, progress, config.experiment)
        return 0
    except checkpoint.CheckpointError as error:
        return fail(str(error), 1)
    except loop.NotANumber as error:
        return fail(str(error), 1)
    except loop.Terminated as error:
        return fail(str(error), 143)


def _kernel(model) -> str:
    """Which attention kernel a model gets, and why."""
    return kernels.choose(model.kernel, model.sized_encoding(), model.dtype)[1]


def _show_text(one: job.Job, trained: loop.Trained, options: generate.Options) -> None:
    """Prints samples of the first seed."""
    params = jax.tree.map(lambda leaf: leaf[0], parallel.to_host(trained.params))
    prompt = one.text.tokenizer.encode(options.prompt)
    tokens_BN = generate.generate(
        one.model,
        params,
        one.position_map,
        [prompt] * options.samples,
        tokens=options.tokens,
        temperature=options.temperature,
        seed=one.seeds[0],
    )
    if not parallel.is_first():
        return
    for number, tokens_N in enumerate(tokens_BN):
        print(f'--- sample {number + 1} of {options.samples} ---')
        print(options.prompt + one.text.tokenizer.decode(tokens_N))
