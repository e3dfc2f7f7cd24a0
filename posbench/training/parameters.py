"""What a model costs before it runs: the parameter table."""

import math

import jax
from rich.console import Console
from rich.table import Table

from posbench.training import init
from posbench.training.job import Job


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
    total, of_encoding = job.parameter_counts()
    body = job.model.body
    tokens = job.schedule.batch_size * job.schedule.length
    # 6 a parameter and token for forward and backward, 12 L D a token and layer for attention (Chinchilla, appendix F).
    layers = body.layers if hasattr(body, 'heads') else 0
    flops = tokens * (6 * total + 12 * layers * job.schedule.length * body.width)
    state = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(job.abstract_state))
    console.print(f'{total:,} parameters, {of_encoding:,} of them of the encoding; {seeds} seed(s).')
    console.print(
        f'A step of one seed: {tokens:,} tokens, about {flops / 1e9:,.1f} GFLOP. State: {state / 2**20:,.1f} MiB.'
    )
