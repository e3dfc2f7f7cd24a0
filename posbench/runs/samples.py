"""`--mode=generate`: what a trained model says, for a person to read."""

import jax
import numpy as np

from posbench.devices import parallel
from posbench.runs import console
from posbench.tasks import base
from posbench.training import evaluate, generate, init, settings
from posbench.training.job import Job
from posbench.training.loop import Trained


def show(job: Job, trained: Trained, config) -> int:
    """Prints what the first seed's model says, a text or of held-out examples; returns the exit code."""
    options = settings.Generate(**config)
    host = parallel.to_host((trained.params, trained.frozen))
    params = init.merged(jax.tree.map(lambda leaf: leaf[0], host[0]), host[1])
    prompt = job.task.encode(options.prompt)
    try:
        lines = _examples(job, params, options) if prompt is None else _texts(job, params, options, prompt)
    except ValueError as error:
        # Of more tokens than there are positions, or a body that says no next token.
        return console.fail(str(error), 2)
    if parallel.is_first():
        for number, text in enumerate(lines, start=1):
            print(f'--- sample {number} of {len(lines)} ---\n{text}')
    return 0


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
