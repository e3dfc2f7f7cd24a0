"""A run of a model as run.py sees it; vectors.py has the same functions for one of word vectors, which says nothing."""

import pathlib

from posbench.atlas import picture
from posbench.runs import rows, samples
from posbench.training import job, parameters
from posbench.training.job import Job
from posbench.training.loop import Trained
from posbench.training.progress import Progress

# The knobs that ask for less memory.
SMALLER = 'config.train.batch_size or config.evaluate.batch_tokens'


def build(config, name: str, mode: str) -> Job:
    """The job of a config, checked as far as a mode needs it. ValueError, one line, for what cannot be run."""
    one = job.from_config(config, name)
    one.check()
    if mode in ('train', 'evaluate'):
        one.check_lengths()
    return one


def about(one: Job) -> list[str]:
    """What is said before the first step."""
    return [*(phase.kernel_sentence for phase in one.phases), *one.position_sentences]


def show_parameters(one: Job) -> None:
    """Prints the parameters and the cost of every phase."""
    for phase in one.phases:
        parameters.show(phase)


def say(one: Job, trained: Trained, config) -> int:
    """Prints what the model generates; returns the exit code."""
    # The newest checkpoint of a run that is not done may be of its first phase.
    return samples.show(one.at(trained.step), trained, config.generate)


def score(one: Job, trained: Trained, folder: pathlib.Path, bar: Progress, config) -> None:
    """Writes all results; the rows come last: a folder with rows is done, and nothing is added to it but its report."""
    phase = one.at(trained.step)
    picture.write(phase, trained, folder)
    samples.write(phase, trained, folder, config.generate)
    rows.score(phase, trained, folder, bar, config.experiment)
