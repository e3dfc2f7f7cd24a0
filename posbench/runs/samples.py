"""`--mode=generate`: what the model says, for a person to read; and a little of it for the page of a run."""

import json
import pathlib

import jax
import numpy as np

from posbench.devices import parallel
from posbench.files import write_atomically
from posbench.runs import console
from posbench.tasks import base
from posbench.training import evaluate, generate, init, settings
from posbench.training.job import Job
from posbench.training.loop import Trained

NAME = 'samples.json'
# On the page of a run: so much that one sees what it learned, so little that nobody waits for it.
TOKENS, EXAMPLES = 96, 3


def show(job: Job, trained: Trained, config) -> int:
    """Prints what the first seed's model says, a text or of held-out examples; returns the exit code."""
    try:
        _, lines = _said(job, trained, settings.Generate(**config))
    except ValueError as error:
        # Of more tokens than there are positions, or a body that says no next token.
        return console.fail(str(error), 2)
    if parallel.is_first():
        for number, text in enumerate(lines, start=1):
            print(f'--- sample {number} of {len(lines)} ---\n{text}')
    return 0


def write(job: Job, trained: Trained, folder: pathlib.Path, config) -> None:
    """Writes samples.json: what the first seed's model says, or why it says nothing."""
    options = settings.Generate(**config)
    options = options._replace(tokens=min(options.tokens, TOKENS), samples=EXAMPLES)
    try:
        about, lines = _said(job, trained, options, texts=1)
    except Exception as error:
        # Whatever a stranger's encoding does here, the numbers of its run are not lost for a sample.
        reason = str(error) if isinstance(error, ValueError) else f'{type(error).__name__}: {error}'
        about, lines = f'Nothing could be generated: {reason}', []
    if parallel.is_first():
        text = json.dumps(dict(about=about, seed=job.seeds[0], step=trained.step, texts=lines), indent=1)
        write_atomically(folder / NAME, text + '\n')


def _said(job: Job, trained: Trained, options: settings.Generate, texts: int | None = None) -> tuple[str, list[str]]:
    """What it is, in a sentence, and the texts: as many as options.samples, continuations of a prompt as `texts`."""
    host = parallel.to_host((trained.params, trained.frozen))
    params = init.merged(jax.tree.map(lambda leaf: leaf[0], host[0]), host[1])
    prompt = job.task.encode(options.prompt)
    seed = f'Seed {job.seeds[0]}, step {trained.step:,}'
    if prompt is None:
        return f'{seed}: held-out examples, the first ones.', _examples(job, params, options)
    options = options._replace(samples=texts or options.samples)
    drawn = f'drawn at temperature {options.temperature:g}' if options.temperature else 'the likeliest at each place'
    about = f'{seed}: "{options.prompt}", and {options.tokens} new tokens, {drawn}; nothing was selected.'
    return about, _texts(job, params, options, prompt)


def _texts(job: Job, params: dict, options: settings.Generate, prompt: np.ndarray) -> list[str]:
    """The prompt and what follows it."""
    tokens_BN = generate.generate(
        job.model,
        params,
        job.position_map,
        [prompt] * options.samples,
        tokens=options.tokens,
        temperature=options.temperature,
        seed=job.seeds[0],
        boundary=job.task.boundary,
    )
    return [options.prompt + job.task.decode(tokens_N) for tokens_N in tokens_BN]


def _examples(job: Job, params: dict, options: settings.Generate) -> list[str]:
    """Held-out examples of the training length, and the likeliest answers."""
    length = job.schedule.length
    budget = base.Budget(job.plan.tokens, options.samples * length, length)
    _, batch = next(iter(job.task.held_out(job.plan.split, length, budget)))

    def said(params, batch):
        outputs, _ = evaluate.outputs(job.model, job.position_map, job.task, params, job.seeds[0], batch, 0)
        return outputs if job.task.generates else outputs.argmax(axis=-1)

    said = np.asarray(jax.jit(said)(params, batch))
    return [job.task.example(batch, row, said[row]) for row in range(min(options.samples, len(said)))]
