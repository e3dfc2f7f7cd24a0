"""The training step, a pure function of state and batch, and the program that runs many of them in one call."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import PartitionSpec as P

from posbench import positions, streams
from posbench.models.transformer import Transformer
from posbench.tasks.text import language_model


class State(NamedTuple):
    """Everything that a step changes, and the seed that all its random numbers come from.

    In a run every leaf has the seeds as its first axis, S.
    """

    step: jax.Array
    seed: jax.Array
    params: Any
    opt_state: Any


class Source(NamedTuple):
    """Where batches come from: a task whose text is on the device, or windows that the host has cut for one call."""

    task: language_model.Task
    windows_SNBL: jax.Array | None = None


# All seeds read one text; windows are cut for each seed, and lie where the seed does.
SOURCE_SPEC = Source(P(), P('seed'))


def init_state(
    model: Transformer,
    optimizer: optax.GradientTransformation,
    seed: jax.Array,
    length: int,
    position_map: positions.PositionMap | None = None,
) -> State:
    """The state at step 0 of one seed. Pure, so that it can be traced for shapes, and mapped over seeds.

    Initial weights depend on no position; the map only says how many coordinates a position has, by default one.
    """
    tokens_BL = pos_BL = jnp.zeros((1, length), jnp.int32)
    if position_map is not None:
        pos_BL = position_map(jax.random.key(0), 1, length, train=True, tokens_BL=tokens_BL)
    params = model.init(streams.key(seed, 'parameters'), tokens_BL, pos_BL)['params']
    return State(jnp.zeros((), jnp.int32), jnp.asarray(seed, jnp.int32), params, optimizer.init(params))


def take_over(
    state: State, fresh_params: Any, *, optimizer: optax.GradientTransformation, same_encoding: bool
) -> State:
    """The first state of another phase of one seed: weights go on, and batches by the number of the step.

    `fresh_params` are the initial parameters of the model of that phase. What only it has keeps them, and so do the
    parameters of its encoding unless it is the same encoding. The optimizer starts anew, because its averages are of
    gradients under the other encoding; Gelberg et al. 2025 (arXiv 2512.12167) give the second phase a learning rate and
    a warm-up of its own (appendix C), and their code starts it from the weights alone.
    """
    trained = dict(jax.tree.leaves_with_path(state.params))

    def one(path, fresh):
        return fresh if of_encoding(path) and not same_encoding else trained.get(path, fresh)

    params = jax.tree.map_with_path(one, fresh_params)
    return State(state.step, state.seed, params, optimizer.init(params))


def left_behind(params: Any, fresh_params: Any) -> list[str]:
    """The weights that a phase with `fresh_params` has no place for, those of an encoding not counted."""
    shapes = {path: leaf.shape for path, leaf in jax.tree.leaves_with_path(fresh_params)}
    return [
        jax.tree_util.keystr(path, simple=True, separator='/')
        for path, leaf in jax.tree.leaves_with_path(params)
        if not of_encoding(path) and shapes.get(path) != leaf.shape
    ]


def of_encoding(path: tuple) -> bool:
    """Whether the parameter at a path of a tree is the encoding's own."""
    return any(entry.key == 'position_encoding' for entry in path)


def train_step(
    state: State, batch: dict, *, model: Transformer, optimizer: optax.GradientTransformation, axis: str | None = None
) -> tuple[State, dict[str, jax.Array]]:
    """One step of one seed.

    Args:
      batch: inputs_BL, targets_BL, weights_BL, pos_BL, rows_B, and segment_ids_BL or not. Where the batch is split by
        name over 'data', the rows of this device; the loss is the weighted mean over all rows of all devices.

    Returns the next state, and loss and grad_norm (before clipping).
    """

    def total(x):
        return x if axis is None else jax.lax.psum(x, axis)

    weight = total(batch['weights_BL'].sum())
    rngs = {'dropout': streams.key(state.seed, 'dropout', state.step)}

    def share_of_loss(params):
        logits_BLV = model.apply(
            {'params': params},
            batch['inputs_BL'],
            batch['pos_BL'],
            batch.get('segment_ids_BL'),
            rows_B=batch['rows_B'],
            rngs=rngs,
        )
        nats_BL = optax.softmax_cross_entropy_with_integer_labels(logits_BLV, batch['targets_BL'])
        return (nats_BL * batch['weights_BL']).sum() / jnp.maximum(weight, 1.0)

    loss, grads = jax.value_and_grad(share_of_loss)(state.params)
    loss, grads = total(loss), total(grads)
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = dict(loss=loss, grad_norm=optax.tree.norm(grads))
    return State(state.step + 1, state.seed, params, opt_state), metrics


def make_steps(
    model: Transformer,
    optimizer: optax.GradientTransformation,
    position_map: positions.PositionMap,
    *,
    batch_size: int,
    length: int,
    most: int,
) -> Callable:
    """steps(state, source, count, rows): up to `most` steps of all seeds in one program.

    `count` is an argument of the compiled program, so that a last, shorter call runs the same instructions and gives
    the same bits. Metrics come back as [S, most]; places from `count` on are 0.
    """

    def batch_of(source: Source, seed, step, number):
        if source.windows_SNBL is None:
            batch = source.task.sample(streams.key(seed, 'batch', step), batch_size, length)
        else:
            batch = language_model.as_batch(source.windows_SNBL[number], source.task.end_of_document)
        batch['pos_BL'] = position_map(
            streams.key(seed, 'positions', step),
            batch_size,
            length,
            train=True,
            tokens_BL=batch['inputs_BL'],
            segment_ids_BL=batch.get('segment_ids_BL'),
        )
        batch['rows_B'] = jnp.arange(batch_size, dtype=jnp.int32)
        return batch

    def steps(state: State, source: Source, count: jax.Array, rows: Callable):
        def of_one_seed(state, source, number):
            batch = rows(batch_of(source, state.seed, state.step, number))
            return train_step(state, batch, model=model, optimizer=optimizer, axis='data')

        in_axes = (0, Source(None, 0), None)
        over_seeds = jax.vmap(of_one_seed, in_axes=in_axes)

        def body(number, carry):
            state, metrics = carry
            state, new = over_seeds(state, source, number)
            return state, jax.tree.map(lambda all_SN, new_S: all_SN.at[:, number].set(new_S), metrics, new)

        seeds = state.step.shape[0]
        empty = dict(loss=jnp.zeros((seeds, most)), grad_norm=jnp.zeros((seeds, most)))
        return jax.lax.fori_loop(0, count, body, (state, empty))

    return steps


def host_windows(task: language_model.Task, seeds, step: int, count: int, batch_size: int, length: int):
    """The windows of steps `step` .. `step + count`, cut on the host: int32 [S, count, B, L + 1], as `sample` would."""

    def starts(seed, at):
        return task.starts(streams.key(seed, 'batch', at), batch_size, length)

    over_steps = jax.vmap(starts, in_axes=(None, 0))
    over_seeds = jax.jit(jax.vmap(over_steps, in_axes=(0, None)))
    start_SNB = jax.device_get(over_seeds(jnp.asarray(seeds, jnp.int32), step + jnp.arange(count)))
    return task.tokens_N[start_SNB[..., None] + np.arange(length + 1)]
