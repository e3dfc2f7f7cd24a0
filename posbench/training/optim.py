"""The optimizer: AdamW, a warm-up, a schedule, clipping. The same for every encoding."""

from typing import Annotated, Literal, NamedTuple

import jax
import optax

from posbench.knobs import Range


class Optimizer(NamedTuple):
    """config.optimizer."""

    name: Literal['adamw']
    learning_rate: Annotated[float, Range(above=0)]
    warmup_steps: Annotated[int, Range(min=0)]
    schedule: Literal['cosine', 'constant']
    final_fraction: Annotated[float, Range(min=0, max=1)]
    b1: Annotated[float, Range(min=0, below=1)]
    b2: Annotated[float, Range(min=0, below=1)]
    eps: Annotated[float, Range(above=0)]
    weight_decay: Annotated[float, Range(min=0)]
    clip_norm: Annotated[float, Range(above=0)] | None


def from_config(config, steps: int) -> optax.GradientTransformation:
    """The optimizer of `config.optimizer` for a run of `steps` steps."""
    parts = [] if config.clip_norm is None else [optax.clip_by_global_norm(config.clip_norm)]
    parts.append(
        optax.adamw(
            learning_rate(config, steps),
            b1=config.b1,
            b2=config.b2,
            eps=config.eps,
            weight_decay=config.weight_decay,
            mask=is_matrix,
        )
    )
    return optax.chain(*parts)


def learning_rate(config, steps: int) -> optax.Schedule:
    """A linear warm-up from 0, then a cosine down to `final_fraction`, or a constant."""
    if config.schedule == 'constant':
        after = optax.constant_schedule(config.learning_rate)
    else:
        decay_steps = max(steps - config.warmup_steps, 1)
        after = optax.cosine_decay_schedule(config.learning_rate, decay_steps, alpha=config.final_fraction)
    if config.warmup_steps == 0:
        return after
    warmup = optax.linear_schedule(0.0, config.learning_rate, config.warmup_steps)
    # optax asks for step 0 first; a rate of 0 there would waste it.
    return lambda step: optax.join_schedules([warmup, after], [config.warmup_steps])(step + 1)


def is_matrix(params) -> dict:
    """True for the weights that decay: kernels and token vectors, never gains nor the parameters of an encoding."""
    return jax.tree.map_with_path(lambda path, _: path[-1].key in ('kernel', 'vectors'), params)
