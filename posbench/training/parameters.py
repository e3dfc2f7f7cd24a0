"""What a model costs before it runs: the parameter table, and the arithmetic of a step."""

import math
from typing import NamedTuple

import jax
from rich.console import Console
from rich.table import Table

from posbench.training import init
from posbench.training.job import Job


class Cost(NamedTuple):
    """Parameters of one model, and tokens and floating-point operations of a step of it; bytes of all seeds' state."""

    parameters: int
    of_encoding: int
    tokens: int
    flops: float
    state: int


def cost(job: Job) -> Cost:
    """By shapes alone, an estimate: 6 FLOP a parameter and token, and 12 L D a token and layer for attention.

    As Hoffmann et al. 2022 (arXiv 2203.15556, appendix F) count; what an encoding computes besides is not among them.
    """
    total, of_encoding = job.parameter_counts()
    body = job.model.body
    length = job.task.tokens(job.schedule.length)
    tokens = job.schedule.batch_size * length
    layers = body.layers if hasattr(body, 'heads') else 0
    flops = tokens * (6.0 * total + 12.0 * layers * length * body.width)
    state = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(job.abstract_state))
    return Cost(total, of_encoding, tokens, flops, state)


def show(job: Job) -> None:
    """Prints every parameter of one model with its shape, the totals, and what a step and its state take."""
    seeds = len(job.seeds)
    table = Table('parameter', 'shape', 'numbers', title=f'{job.name}: {job.encoding_name}')
    table.columns[2].justify = 'right'
    trained, frozen = (init.by_path(tree) for tree in (job.abstract_state.params, job.abstract_state.frozen))
    shapes = {path: leaf.shape[1:] for path, leaf in trained.items()}
    for path, shape in shapes.items():
        table.add_row(path, str(shape), f'{math.prod(shape):,}')
    for path, leaf in frozen.items():
        table.add_row(f'{path} (frozen)', str(leaf.shape), f'{leaf.size:,}')
    console = Console()
    console.print(table)
    found = cost(job)
    console.print(f'{found.parameters:,} parameters, {found.of_encoding:,} of them of the encoding; {seeds} seed(s).')
    console.print(
        f'A step of one seed: {found.tokens:,} tokens, about {found.flops / 1e9:,.1f} GFLOP. '
        f'State: {found.state / 2**20:,.1f} MiB.'
    )
