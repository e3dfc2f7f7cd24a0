"""The optimizer: AdamW, a warm-up, a schedule, clipping. The same for every encoding."""

from collections.abc import Iterable
from typing import Annotated, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from posbench.knobs import Range
from posbench.training import init, kinds
from posbench.training.settings import Init


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


def from_config(config, steps: int, held: Init | None = None) -> optax.GradientTransformation:
    """The optimizer of `config.optimizer` for a run of `steps` steps; `held` says what is left alone at first."""
    parts = [] if config.clip_norm is None else [optax.clip_by_global_norm(config.clip_norm)]
    parts.append(
        optax.adamw(
            learning_rate(config, steps),
            b1=config.b1,
            b2=config.b2,
            eps=config.eps,
            weight_decay=config.weight_decay,
            mask=kinds.decaying,
        )
    )
    optimizer = optax.chain(*parts)
    return hold(optimizer, held.freeze_at_first, held.first_steps) if held and held.first_steps else optimizer


class Held(NamedTuple):
    """Steps so far, and the state of the optimizer inside."""

    count: jax.Array
    inner: optax.OptState


def hold(optimizer: optax.GradientTransformation, patterns: Iterable[str], steps: int) -> optax.GradientTransformation:
    """An optimizer that leaves the parameters that fit a pattern as they are for the first steps.

    It sees gradients of 0 for them until then, so that its averages begin when they begin to move.
    """

    def without(tree, is_over):
        def one(path, x):
            return jnp.where(is_over, x, 0) if init.fits(path, patterns) else x

        return init.map_by_path(one, tree)

    def first(params):
        return Held(jnp.zeros((), jnp.int32), optimizer.init(params))

    def update(grads, state, params=None):
        is_over = state.count >= steps
        updates, inner = optimizer.update(without(grads, is_over), state.inner, params)
        return without(updates, is_over), Held(state.count + 1, inner)

    return optax.GradientTransformation(first, update)


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
