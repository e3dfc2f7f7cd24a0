"""The training step, a pure function of state and batch, and the program that runs many of them in one call."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import PartitionSpec as P

from posbench import positions, streams
from posbench.devices import described, parallel
from posbench.devices import rows as shares
from posbench.models.model import Model
from posbench.tasks import base
from posbench.training import init


class State(NamedTuple):
    """Everything that a step changes, the seed that all its random numbers come from, and what is never trained.

    In a run every leaf has the seeds as its first axis, S, but for those of `frozen`, which are there once.
    """

    step: jax.Array
    seed: jax.Array
    params: Any
    opt_state: Any
    frozen: Any = None


class Feed(NamedTuple):
    """Where batches come from: a task, and for one whose batches the host has a part in, these parts for one call.

    A device has those of its rows, which are a whole batch again where they are used: what is drawn for a batch, such
    as positions, must not depend on who has which row.
    """

    task: base.Task
    parts_SNB: Any = None


# All seeds read one task; parts are cut for each seed, and lie where the seed and the row do.
FEED_SPEC = Feed(P(), P('seed', None, 'data'))
# What is frozen belongs to no seed.
SEEDS_FIRST = State(0, 0, 0, 0, None)
STATE_SPEC = State(P('seed'), P('seed'), P('seed'), P('seed'), P())


def with_positions(
    batch: base.Batch, position_map: positions.PositionMap, key: jax.Array, *, train: bool
) -> base.Batch:
    """A batch with the positions of each sequence in it, `pos_BL` and `source_pos_BM`, and the numbers of its rows."""

    def positions_of(name, segments, key):
        x = batch[name]
        tokens_BL = x if jnp.issubdtype(x.dtype, jnp.integer) else None
        return position_map(key, *x.shape[:2], train=train, tokens_BL=tokens_BL, segment_ids_BL=batch.get(segments))

    read = 'inputs_BL' if 'inputs_BL' in batch else 'inputs_BLC'
    added = dict(pos_BL=positions_of(read, 'segment_ids_BL', key))
    if 'source_BM' in batch:
        source_key = jax.random.fold_in(key, 1)
        added['source_pos_BM'] = positions_of('source_BM', 'source_segment_ids_BM', source_key)
    return {**batch, **added, 'rows_B': jnp.arange(batch[read].shape[0], dtype=jnp.int32)}


def init_params(model: Model, seed: jax.Array, example: base.Batch) -> dict:
    """The initial parameters of one seed; of the example batch only the shapes count."""
    return model.init(streams.key(seed, 'parameters'), example, method='outputs')['params']


def init_state(
    model: Model,
    optimizer: optax.GradientTransformation,
    seed: jax.Array,
    example: base.Batch,
    is_frozen: Callable[[str], bool] = lambda path: False,
) -> State:
    """The state at step 0 of one seed. Pure, so that it can be traced for shapes, and mapped over seeds."""
    params, frozen = init.split(init_params(model, seed, example), is_frozen)
    return State(jnp.zeros((), jnp.int32), jnp.asarray(seed, jnp.int32), params, optimizer.init(params), frozen)


def train_step(
    state: State,
    batch: base.Batch,
    *,
    model: Model,
    task: base.Task,
    optimizer: optax.GradientTransformation,
    rows: shares.All = shares.All(),
) -> tuple[State, dict[str, jax.Array]]:
    """One step of one seed.

    Args:
      batch: as the task gives it, with positions and rows_B: `rows` of the whole one. The loss is the weighted mean
        over all rows of all devices.
      rows: how devices share a batch.

    Returns the next state, and loss and grad_norm (before clipping).
    """

    rngs = {'dropout': streams.key(state.seed, 'dropout', state.step)}

    def share_of_loss(params, frozen, batch, task, rngs):
        outputs = model.apply({'params': init.merged(params, frozen)}, batch, method='outputs', rngs=rngs)
        loss, weight = task.loss(outputs, batch)
        weight = jax.lax.stop_gradient(weight)
        return loss / jnp.maximum(rows.total(weight), 1.0)

    loss, grads = rows.gradients(share_of_loss)(state.params, state.frozen, batch, task, rngs)
    updates, opt_state = optimizer.update(grads, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = dict(loss=loss, grad_norm=optax.tree.norm(grads))
    return state._replace(step=state.step + 1, params=params, opt_state=opt_state), metrics


def make_steps(
    model: Model,
    optimizer: optax.GradientTransformation,
    position_map: positions.PositionMap,
    *,
    batch_size: int,
    length: int,
    most: int,
) -> Callable:
    """steps(state, feed, count, rows): up to `most` steps of all seeds in one program.

    `count` is an argument of the compiled program, so that a last, shorter call runs the same instructions and gives
    the same bits. Metrics come back as [S, most]; places from `count` on are 0.
    """

    def batch_of(feed: Feed, seed, step, number, rows):
        if feed.parts_SNB is None:
            batch = feed.task.sample(streams.key(seed, 'batch', step), batch_size, length)
        else:
            batch = feed.task.batch_of(jax.tree.map(lambda parts_N: rows.joined(parts_N[number]), feed.parts_SNB))
        return with_positions(batch, position_map, streams.key(seed, 'positions', step), train=True)

    def steps(state: State, feed: Feed, count: jax.Array, rows: Callable):
        def of_one_seed(state, feed, number):
            batch = rows(batch_of(feed, state.seed, state.step, number, rows))
            return train_step(state, batch, model=model, task=feed.task, optimizer=optimizer, rows=rows)

        in_axes = (SEEDS_FIRST, Feed(None, 0), None)
        over_seeds = jax.vmap(of_one_seed, in_axes=in_axes, out_axes=(SEEDS_FIRST, 0))

        def body(number, carry):
            state, metrics = carry
            state, new = over_seeds(state, feed, number)
            return state, jax.tree.map(lambda all_SN, new_S: all_SN.at[:, number].set(new_S), metrics, new)

        seeds = state.step.shape[0]
        empty = dict(loss=jnp.zeros((seeds, most)), grad_norm=jnp.zeros((seeds, most)))
        return jax.lax.fori_loop(0, count, body, (state, empty))

    return steps


def host_parts(
    task: base.Task, seeds, step: int, count: int, batch_size: int, length: int, layout: parallel.Layout
) -> Any:
    """The host's part in the batches of steps `step` .. `step + count`: arrays [S, count, B, ...].

    Which rows there are is drawn by every process, and the same for all; each reads those that its devices have.
    """

    def draw(seed, at):
        return task.draw(streams.key(seed, 'batch', at), batch_size, length)

    over_seeds = jax.jit(jax.vmap(jax.vmap(draw, in_axes=(None, 0)), in_axes=(0, None)))
    places_SNB = jax.device_get(over_seeds(jnp.asarray(seeds, jnp.int32), step + jnp.arange(count)))
    return parallel.place_rows(lambda index: task.cut(places_SNB[index], length), places_SNB.shape, layout)


def host_feed(task: base.Task, seeds, step: int, pace: Any, layout: parallel.Layout) -> Feed:
    """What the steps of a call from there on read, of a task that the host has a part in; `pace` is config.train."""
    parts = host_parts(task, seeds, step, pace.steps_per_call, pace.batch_size, pace.length, layout)
    return Feed(parallel.place(task.without_host_data(), layout), parts)


def abstract_feed(task: base.Task, seeds, pace: Any, layout: parallel.Layout) -> Feed:
    """Shapes of what the steps of a call read, each with where it lies."""
    parts = None
    if task.from_host:
        one = task.cut(np.zeros((1, 1, 1), np.int32), pace.length)
        shape = len(seeds), pace.steps_per_call, pace.batch_size, *one.shape[3:]
        parts = described.rows(shape, one.dtype, layout)
    return Feed(described.tree(task.without_host_data(), layout), parts)
