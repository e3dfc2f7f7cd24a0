"""A run of a model as run.py sees it; vectors.py has the same functions for one of word vectors, which says nothing."""

import pathlib
from collections.abc import Sequence

from posbench.atlas import picture
from posbench.devices import parallel
from posbench.devices.programs import Program
from posbench.models import kernels
from posbench.models.transformer import Transformer
from posbench.runs import embed, pipeline, predict, rows, samples
from posbench.training import job, parameters, programs, room
from posbench.training.job import Job
from posbench.training.loop import Trained
from posbench.training.progress import Progress

# The knobs that ask for less memory.
SMALLER = 'config.train.batch_size or config.evaluate.batch_tokens'


def build(config, name: str, mode: str, devices: Sequence | None = None) -> Job:
    """The job of a config, checked as far as a mode needs it. ValueError, one line, for what cannot be run.

    `devices` may be those of a machine that is not there.
    """
    one = job.from_config(config, name, devices)
    one.check()
    if mode in ('train', 'evaluate', 'compile'):
        one.check_lengths()
    return one


def all_programs(one: Job) -> list[Program]:
    """All that is compiled for a run, in the order in which memory is likely to be short."""
    return [*programs.training(one), *programs.evaluation(one)]


def rows_of_a_step(one: Job) -> int:
    """Of one seed, which the data axis splits."""
    return one.schedule.batch_size


def check_room(one: Job, trains: bool) -> str:
    """A line on the memory that a run needs. room.NoRoom, one line, where there is not so much.

    `trains`: there are steps left.
    """
    return room.check(
        programs.training(one) if trains else [],
        programs.evaluation(one),
        one.layout.mesh.devices.ravel(),
        train_less='a smaller config.train.batch_size, or config.model.remat,',
        evaluate_less='a smaller config.evaluate.batch_tokens, multiples or lengths, or config.model.block_size,',
    )


def about(one: Job) -> list[str]:
    """What is said before the first step."""
    covered = [] if one.table is None else [one.table.sentence]
    return [*map(_kernel, one.phases), *_looked_for(one), *covered]


def _kernel(one: Job) -> str:
    """Which attention kernel the model gets, and why."""
    body = one.model.body
    body = body.halves()[1] if body.reads_source else body
    if not isinstance(body, Transformer):
        return 'Attention: none.'
    return kernels.choose(body.kernel, body.sized_encoding(), body.dtype, body.platform)[1]


def _looked_for(one: Job) -> list[str]:
    """Which tokens the map of positions looks for, where it looks for some."""
    sentences, looks_for = [], one.position_map.looks_for
    options, spelled_V = dict(one.position_map.options), one.task.spelled if looks_for else None
    for name in looks_for:
        ids = (options[name],) if isinstance(options[name], int) else options[name]
        shown = ', '.join(str(i) if spelled_V is None else repr(spelled_V[i]) for i in ids)
        sentences.append(f'Positions: the {name} are the tokens {shown}.')
    return sentences


def show_parameters(one: Job) -> None:
    """Prints the parameters and the cost of every phase."""
    for phase in one.phases:
        parameters.show(phase)


def say(one: Job, trained: Trained, config) -> int:
    """Prints what the model generates; returns the exit code."""
    # The newest checkpoint of a run that is not done may be of its first phase.
    return samples.show(one.at(trained.step), trained, config.generate)


def answer(one: Job, trained: Trained, request) -> int:
    """Prints what it says of texts that are given to the command, or their vectors; returns the exit code."""
    read = pipeline.Pipeline(one.at(trained.step), trained)
    if not parallel.is_first():
        return 0
    if request.mode == 'predict':
        return predict.show(read, request.input, request.quiet)
    return embed.show(read, request.input, request.output, request.of, request.quiet)


def score(one: Job, trained: Trained, folder: pathlib.Path, bar: Progress, config) -> None:
    """Writes all results; the rows come last: a folder with rows is done, and nothing is added to it but its report."""
    phase = one.at(trained.step)
    picture.write(phase, trained, folder)
    samples.write(phase, trained, folder, config.generate)
    rows.score(phase, trained, folder, bar, config.experiment)
