"""Devices: which mesh, which array lies where, and the two ways to compile a training step.

`jit`: one program over a mesh with the axes seed, data and model; XLA splits it after the shardings of its arguments.
`pmap`: one replica a device, each with its rows of the batch; gradients are summed by name. Both give the same numbers.

Two knobs change what lies where, and no number. `shard_parameters`: parameters and the optimizer's averages are split
over the data axis too (rows.py). `sequence`: so many neighbours share one sequence when it is scored (models/ring.py).
"""

import dataclasses
import math
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Annotated, NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from posbench.devices import cluster, partners, rows
from posbench.knobs import Range, UsageError
from posbench.training import kinds

# config.mesh of a run that is only read, however many devices it was trained on.
ONE_DEVICE = dict(seed=1, data=1, model=1, sequence=1, shard_parameters=False)


class Axes(NamedTuple):
    """config.mesh: devices along each axis; None is chosen by `layout`."""

    seed: Annotated[int, Range(min=1)] | None
    data: Annotated[int, Range(min=1)] | None
    model: Annotated[int, Range(min=1)]
    # These have a default: the config.json of a run from before there was such a knob has none.
    sequence: Annotated[int, Range(min=1)] = 1
    shard_parameters: bool = False


class MeshError(ValueError):
    """A mesh that these devices, seeds, or this batch cannot fill."""


def initialize() -> bool:
    """Joins the processes of a cluster (cluster.py says which); True in the first of them, which alone writes files.

    Raises UsageError, one line, where there is none. Where the others do not come in cluster.PATIENCE seconds, this
    process ends with exit code 1 and a line that says so; where one of them is gone later, as partners.py says.
    """
    found = cluster.named() or cluster.asked()
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
            why = ' '.join(str(error).split()).rstrip('.')
            if found.named_by == cluster.CHIPS:
                # A machine with chips that is none of Google Cloud's.
                print(f'Of {cluster.CHIPS} JAX finds no others ({why}): this process is alone.', file=sys.stderr)
                return True
            raise UsageError(f'JAX finds no {found.wanted}: {why}; {cluster.OFF}') from None
    if jax.process_count() > 1:
        partners.watch()
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
    """A mesh, and the shardings of what a run holds.

    mesh: with the axes seed, data and model. A step splits its batch over all devices of the data axis, `sequence` of
      which share each sequence that is scored: they are neighbours.
    """

    mesh: Mesh
    mode: str
    sequence: int = 1
    shard_parameters: bool = False

    @property
    def platform(self) -> str:
        """That of its devices, such as 'cpu' or 'gpu'."""
        return self.mesh.devices.flat[0].platform

    @property
    def replicated(self) -> NamedSharding:
        return NamedSharding(self.mesh, P())

    @property
    def scoring(self) -> Mesh:
        """The same devices in the same order, with an axis `sequence` of its own."""
        seed, data, model = self.mesh.devices.shape
        shape = (seed, data // self.sequence, self.sequence, model)
        return Mesh(self.mesh.devices.reshape(shape), ('seed', 'data', 'sequence', 'model'))

    @property
    def whole(self) -> 'Layout':
        """The same, with all of each parameter where its rows are."""
        return dataclasses.replace(self, shard_parameters=False)

    @property
    def rows(self) -> NamedSharding:
        """Arrays whose leading axis is a batch that is scored."""
        return NamedSharding(self.scoring, P('data'))

    @property
    def rows_of_steps(self) -> NamedSharding:
        """Arrays [S, N, B, ...]: what N steps of a batch read."""
        return NamedSharding(self.mesh, P('seed', None, 'data'))

    @property
    def replicas(self) -> NamedSharding:
        """Arrays whose first axis has one part for each device."""
        return NamedSharding(Mesh(self.mesh.devices.reshape(-1), ('data',)), P('data'))

    def of_state(self, state):
        """Shardings of a state whose every leaf has the seeds first; also works on shapes."""

        def one(path, leaf):
            path = jax.tree_util.keystr(path, simple=True, separator='/')
            # What is frozen is there once, not once a seed.
            seeds = [] if path.startswith('frozen/') else ['seed']
            return NamedSharding(self.mesh, P(*seeds, *self._of_parameter(path, leaf.shape[len(seeds) :])))

        return jax.tree.map_with_path(one, state)

    def data_axes(self, params):
        """Which axis of each parameter of one model the data axis splits; -1: none."""

        def one(path, leaf):
            spec = self._of_parameter(jax.tree_util.keystr(path, simple=True, separator='/'), leaf.shape)
            return spec.index('data') if 'data' in spec else -1

        return jax.tree.map_with_path(one, params)

    def _of_parameter(self, path: str, shape: tuple[int, ...]) -> list[str | None]:
        """Which axis of the mesh splits each axis of a parameter of one model."""
        spec, model_axis = [None] * len(shape), kinds.model_axis(path)
        if model_axis is not None:
            spec[model_axis] = 'model'
        # Vectors are small, those of layers that are scanned too.
        layers = 'blocks' in path.split('/')
        if not self.shard_parameters or len(shape) - layers < 2:
            return spec
        parts = self.mesh.shape['data']
        free = [axis for axis in range(layers, len(shape)) if spec[axis] is None and shape[axis] % parts == 0]
        if free:
            spec[max(free, key=lambda axis: shape[axis])] = 'data'
        return spec


def layout(
    mode: str,
    *,
    seeds: int,
    batch_size: int,
    seed=None,
    data=None,
    model: int = 1,
    sequence: int = 1,
    shard_parameters: bool = False,
    devices: Sequence | None = None,
) -> Layout:
    """The mesh of all devices. Axes that are None are chosen: as many seeds as fit, and the rest for data.

    A step splits its batch over data x sequence devices, which are one axis of the mesh.

    `devices` may be those of a machine that is not there, for a program that is only compiled; None: all of this one.
    Raises MeshError, in one line, where the numbers do not divide.
    """
    devices = list(jax.devices() if devices is None else devices)
    processes = len({device.process_index for device in devices})
    for name, size, among in (('model', model, len(devices)), ('sequence', sequence, len(devices) // model)):
        if among % size:
            raise MeshError(f'config.mesh.{name}: got {size}, wanted a divisor of the {among} devices.')
    free = len(devices) // model // sequence
    if mode == 'pmap':
        if processes > 1:
            raise MeshError("config.parallel: got 'pmap' with several processes, wanted 'jit'.")
        if model != 1 or seed not in (None, 1) or sequence != 1 or shard_parameters:
            raise MeshError(
                'config.parallel: pmap splits the batch only; config.mesh.seed, .model and .sequence must be 1 or '
                'None, and .shard_parameters false.'
            )
        seed = 1
    if seed is None:
        seed = math.gcd(seeds, free // data if data else free)
    if data is None:
        data = free // seed
        # A batch smaller than the machine leaves devices idle rather than stopping the run.
        data = max(math.gcd(data * sequence, batch_size) // sequence, 1)
    wanted = seed * data * sequence * model
    if wanted > len(devices) or seeds % seed or batch_size % (data * sequence):
        sizes = f'seed={seed}, data={data}, model={model}' + (f', sequence={sequence}' if sequence > 1 else '')
        splits = 'data x sequence' if sequence > 1 else 'data'
        raise MeshError(
            f'config.mesh: got {sizes} on {len(devices)} devices; wanted seed to divide the {seeds} seeds, {splits} to '
            f'divide the batch of {batch_size}, and no more than the devices in all.'
        )
    shape = (seed, data * sequence, model)
    mesh = Mesh(np.array(devices[:wanted]).reshape(shape), ('seed', 'data', 'model'))
    return Layout(mesh, mode, sequence, shard_parameters)


def compile_steps(steps: Callable, layout: Layout, state_shapes, *, state_spec=P('seed'), feed_spec=P()) -> Callable:
    """Compiles steps(state, feed, count, rows) -> (state, metrics); the state is donated.

    All ways run the same code for each part of the batch: `rows(batch)` cuts out the rows of this device, and sums
    over the batch go by the name of its axis, 'data'. Under jit the seed axis is split the same way, and XLA splits
    the model axis after the shardings of the parameters. Under pmap the state and the feed have one copy a device,
    along a leading axis. Where parameters are split over the data axis, only gradients are made that way, and XLA
    splits the optimizer after the shardings of the state.

    state_spec, feed_spec: which axes of the leaves the seed axis splits, as prefixes of their trees.
    """
    parts = layout.mesh.shape['data']
    divided = layout.shard_parameters and parts > 1
    mine = rows.All() if parts == 1 else rows.Divided(layout.data_axes) if divided else rows.Own(parts)

    def program(state, feed, count):
        return steps(state, feed, count, mine)

    if layout.mode == 'pmap':
        devices = list(layout.mesh.devices.flat)
        return jax.pmap(program, axis_name='data', in_axes=(0, 0, None), donate_argnums=0, devices=devices)
    axes = {'seed'} if divided else {'seed', 'data'}
    # Of an axis that XLA splits shard_map is told nothing.
    feed_spec = jax.tree.map(
        lambda spec: P(*(name if name in axes else None for name in spec)),
        feed_spec,
        is_leaf=lambda x: isinstance(x, P),
    )
    split = jax.shard_map(
        program,
        mesh=layout.mesh,
        in_specs=(state_spec, feed_spec, P()),
        out_specs=(state_spec, P('seed')),
        axis_names=axes,
        check_vma=False,
    )
    shardings = layout.of_state(state_shapes)
    # Where XLA chooses how to split, it may choose otherwise for what comes out.
    out = (shardings, None) if layout.shard_parameters else None
    return jax.jit(split, in_shardings=(shardings, None, None), out_shardings=out, donate_argnums=0)


def place(tree, layout: Layout):
    """A tree on the devices, in the form that the compiled steps want as their feed."""
    if layout.mode == 'pmap':
        return _copies(tree, layout)
    return jax.device_put(tree, layout.replicated)


def place_rows(read: Callable, shape: tuple[int, int, int], layout: Layout):
    """Arrays [S, N, B, ...] on the devices, each with its seeds and rows, as the compiled steps want them as a feed.

    read: of an index of the first three axes, the NumPy array of what stands there. A process is asked for what its
      own devices have, and for nothing twice.
    """
    _, _, batch = shape
    if layout.mode == 'pmap':
        parts = layout.mesh.shape['data']
        cuts = [slice(part * batch // parts, (part + 1) * batch // parts) for part in range(parts)]
        return jax.device_put(np.stack([read((slice(None), slice(None), cut)) for cut in cuts]), layout.replicas)
    sharding = layout.rows_of_steps
    # Slices cannot be hashed before Python 3.12, and do not say their ends where they have all.
    indices = {str(index): index for index in sharding.addressable_devices_indices_map(shape).values()}
    found = {name: read(index) for name, index in indices.items()}
    whole = (*shape, *next(iter(found.values())).shape[3:])
    return jax.make_array_from_callback(whole, sharding, lambda index: found[str(index[:3])])


def rows_on_host(tree, layout: Layout):
    """What `place_rows` has placed, as NumPy arrays [S, N, B, ...]."""
    if layout.mode == 'pmap':
        return jax.tree.map(lambda x: np.concatenate(list(np.asarray(x)), axis=2), tree)
    return to_host(tree)


def place_state(state, layout: Layout):
    """A state in the form that the compiled steps want."""
    if layout.mode == 'pmap':
        return _copies(state, layout)
    return jax.device_put(state, layout.of_state(state))


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


def _copies(tree, layout: Layout):
    count = layout.mesh.size
    return jax.tree.map(
        lambda x: jax.device_put(np.broadcast_to(np.asarray(x)[None], (count, *np.shape(x))), layout.replicas), tree
    )
