"""Devices: which mesh, which array lies where, and the two ways to compile a training step.

`jit`: one program over a mesh with the axes seed, data and model; XLA splits it after the shardings of its arguments.
`pmap`: one replica a device, each with its rows of the batch; gradients are summed by name. Both give the same numbers.
"""

import dataclasses
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Annotated, NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from posbench.devices import cluster
from posbench.knobs import Range, UsageError
from posbench.training import kinds


class Axes(NamedTuple):
    """config.mesh: devices along each axis; None is chosen by `layout`."""

    seed: Annotated[int, Range(min=1)] | None
    data: Annotated[int, Range(min=1)] | None
    model: Annotated[int, Range(min=1)]


class MeshError(ValueError):
    """A mesh that these devices, seeds, or this batch cannot fill."""


def initialize() -> bool:
    """Joins the processes of a cluster (cluster.py says which); True in the first of them, which alone writes files.

    Raises UsageError, one line, where there is none. Where the others do not come in cluster.PATIENCE seconds, this
    process ends with exit code 1 and a line that says so.
    """
    found = cluster.named() or cluster.Cluster(None, None, None, 'config.distributed=true')
    with cluster.patience(found.wanted, cluster.PATIENCE), warnings.catch_warnings(action='ignore'):
        try:
            jax.distributed.initialize(
                found.address,
                found.count,
                found.index,
                # JAX would end the process by itself then, with a stack of C++.
                initialization_timeout=int(cluster.PATIENCE) + 60,
            )
        except (ValueError, TypeError, RuntimeError, OSError, KeyError) as error:
            raise UsageError(f'JAX finds no {found.wanted}: {str(error).rstrip(".")}; {cluster.OFF}') from None
    return is_first()


def is_first() -> bool:
    """Whether this process writes the files of a run."""
    return jax.process_index() == 0


def any_process(flag: bool) -> bool:
    """Whether `flag` is set in any process: what one of them decides, all must do."""
    if jax.process_count() == 1:
        return flag
    return bool(multihost_utils.process_allgather(np.asarray(flag)).any())


def to_host(tree):
    """NumPy arrays of a tree, whole in every process."""
    if jax.process_count() == 1:
        return jax.device_get(tree)
    return multihost_utils.process_allgather(tree, tiled=True)


@dataclasses.dataclass(frozen=True)
class Layout:
    """A mesh, and the shardings of what a run holds."""

    mesh: Mesh
    mode: str

    @property
    def platform(self) -> str:
        """That of its devices, such as 'cpu' or 'gpu'."""
        return self.mesh.devices.flat[0].platform

    @property
    def replicated(self) -> NamedSharding:
        return NamedSharding(self.mesh, P())

    @property
    def rows(self) -> NamedSharding:
        """Arrays whose leading axis is the batch."""
        return NamedSharding(self.mesh, P('data'))

    def of_state(self, state):
        """Shardings of a state whose every leaf has the seeds first; also works on shapes."""

        def one(path, leaf):
            path = jax.tree_util.keystr(path, simple=True, separator='/')
            # What is frozen is there once, not once a seed.
            spec = [None] * len(leaf.shape) if path.startswith('frozen/') else ['seed'] + [None] * (len(leaf.shape) - 1)
            axis = kinds.model_axis(path)
            if axis is not None:
                spec[axis] = 'model'
            return NamedSharding(self.mesh, P(*spec))

        return jax.tree.map_with_path(one, state)


def layout(
    mode: str, *, seeds: int, batch_size: int, seed=None, data=None, model: int = 1, devices: Sequence | None = None
) -> Layout:
    """The mesh of all devices. Axes that are None are chosen: as many seeds as fit, and the rest for data.

    `devices` may be those of a machine that is not there, for a program that is only compiled; None: all of this one.
    Raises MeshError, in one line, where the numbers do not divide.
    """
    devices = list(jax.devices() if devices is None else devices)
    processes = len({device.process_index for device in devices})
    if len(devices) % model:
        raise MeshError(f'config.mesh.model: got {model}, wanted a divisor of the {len(devices)} devices.')
    free = len(devices) // model
    if mode == 'pmap':
        if processes > 1:
            raise MeshError("config.parallel: got 'pmap' with several processes, wanted 'jit'.")
        if model != 1 or seed not in (None, 1):
            raise MeshError(
                'config.parallel: pmap splits the batch only; config.mesh.seed and .model must be 1 or None.'
            )
        seed = 1
    if seed is None:
        seed = math.gcd(seeds, free // data if data else free)
    if data is None:
        data = free // seed
        # A batch smaller than the machine leaves devices idle rather than stopping the run.
        data = math.gcd(data, batch_size)
    wanted = seed * data * model
    if wanted > len(devices) or seeds % seed or batch_size % data:
        raise MeshError(
            f'config.mesh: got seed={seed}, data={data}, model={model} on {len(devices)} devices; wanted seed to '
            f'divide the {seeds} seeds, data to divide the batch of {batch_size}, and no more than the devices in all.'
        )
    return Layout(Mesh(np.array(devices[:wanted]).reshape(seed, data, model), ('seed', 'data', 'model')), mode)


def compile_steps(steps: Callable, layout: Layout, state_shapes, *, state_spec=P('seed'), feed_spec=P()) -> Callable:
    """Compiles steps(state, feed, count, rows) -> (state, metrics); the state is donated.

    Both ways run the same code for each part of the batch: `rows(batch)` cuts out the rows of this device, and sums
    over the batch go by the name of its axis, 'data'. Under jit the seed axis is split the same way, and XLA splits
    the model axis after the shardings of the parameters. Under pmap the state and the feed have one copy a device,
    along a leading axis.

    state_spec, feed_spec: which axes of the leaves the seed axis splits, as prefixes of their trees.
    """
    parts = layout.mesh.shape['data']

    def rows(batch):
        def mine(x):
            size = x.shape[0] // parts
            return jax.lax.dynamic_slice_in_dim(x, jax.lax.axis_index('data') * size, size)

        # A leading 1 stands for all rows.
        return jax.tree.map(lambda x: x if x.shape[0] == 1 else mine(x), batch)

    def program(state, feed, count):
        return steps(state, feed, count, rows)

    if layout.mode == 'pmap':
        devices = list(layout.mesh.devices.flat)
        return jax.pmap(program, axis_name='data', in_axes=(0, 0, None), donate_argnums=0, devices=devices)
    split = jax.shard_map(
        program,
        mesh=layout.mesh,
        in_specs=(state_spec, feed_spec, P()),
        out_specs=(state_spec, P('seed')),
        axis_names={'seed', 'data'},
        check_vma=False,
    )
    return jax.jit(split, in_shardings=(layout.of_state(state_shapes), None, None), donate_argnums=0)


def place(tree, layout: Layout):
    """A tree on the devices, in the form that the compiled steps want as their feed."""
    if layout.mode == 'pmap':
        return _copies(tree, layout)
    return jax.device_put(tree, layout.replicated)


def place_state(state, layout: Layout):
    """A state in the form that the compiled steps want."""
    if layout.mode == 'pmap':
        return _copies(state, layout)
    return jax.device_put(state, layout.of_state(state))


def described(tree, layout: Layout):
    """As `place`, of a tree of arrays or shapes: the shapes that it would give, each with where it lies."""
    return _described(tree, layout, jax.tree.map(lambda _: layout.replicated, tree))


def described_state(state, layout: Layout):
    """As `place_state`, of shapes."""
    return _described(state, layout, layout.of_state(state))


def one_copy(state, layout: Layout):
    """The state without pmap's leading axis, placed on the mesh: for checkpoints and evaluation."""
    if layout.mode != 'pmap':
        return state
    state = jax.tree.map(lambda x: np.asarray(x.addressable_shards[0].data)[0], state)
    return jax.device_put(state, layout.of_state(state))


def numbers(metrics: dict, layout: Layout) -> dict[str, np.ndarray]:
    """Metrics on the host; under pmap all replicas hold the same ones."""
    metrics = to_host(metrics)
    return {name: values[0] for name, values in metrics.items()} if layout.mode == 'pmap' else metrics


def _described(tree, layout: Layout, shardings):
    if layout.mode != 'pmap':
        return jax.tree.map(lambda x, to: jax.ShapeDtypeStruct(np.shape(x), _dtype(x), sharding=to), tree, shardings)
    devices, sharding = _one_a_replica(layout)
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct((len(devices), *np.shape(x)), _dtype(x), sharding=sharding), tree
    )


def _dtype(x):
    return x.dtype if hasattr(x, 'dtype') else np.asarray(x).dtype


def _one_a_replica(layout: Layout) -> tuple[list, NamedSharding]:
    devices = list(layout.mesh.devices.flat)
    return devices, NamedSharding(Mesh(np.array(devices), ('data',)), P('data'))


def _copies(tree, layout: Layout):
    devices, sharding = _one_a_replica(layout)
    return jax.tree.map(
        lambda x: jax.device_put(np.broadcast_to(np.asarray(x)[None], (len(devices), *np.shape(x))), sharding), tree
    )
