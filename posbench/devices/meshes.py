"""Which meshes to try, in order, where a program has to fit: one function, which every new axis joins."""

import dataclasses
from collections.abc import Iterator

import jax

from posbench.devices import parallel
from posbench.training import kinds


def candidates(asked: dict, state, *, mode: str, seeds: int, batch_size: int, devices) -> Iterator[parallel.Layout]:
    """Layouts of all devices, the one that sends least first.

    As many seeds as fit and the rest for data is where a run begins; then parameters are split over the data axis too
    (FSDP), and then the model over more and more devices besides. What `config.mesh` asks for, `asked`, is kept.
    `state` says what the model axis may split: shapes as `Job.abstract_state` has them. Raises MeshError where not even
    the first one can be made.
    """

    def layout(**changes) -> parallel.Layout:
        return parallel.layout(mode, seeds=seeds, batch_size=batch_size, devices=devices, **asked | changes)

    first = layout()
    yield first
    # One of word vectors has no model axis, and no parts of parameters.
    if mode == 'pmap' or 'model' not in asked:
        return
    for model in [asked['model']] if asked['model'] > 1 else _model_sizes(state, len(devices)):
        try:
            split = layout(model=model, shard_parameters=True)
        except parallel.MeshError:
            continue
        if split.mesh.shape['data'] == 1:
            split = dataclasses.replace(split, shard_parameters=first.shard_parameters)
        if split != first:
            yield split


def _model_sizes(state, devices: int) -> list[int]:
    """1, 2, 4, ...: what divides the devices and every axis of parameters that the model axis splits."""
    paths = jax.tree_util.tree_leaves_with_path(state.params)
    named = ((jax.tree_util.keystr(path, simple=True, separator='/'), leaf) for path, leaf in paths)
    split = [leaf.shape[axis] for path, leaf in named if (axis := kinds.model_axis(path)) is not None]
    if not split:
        return [1]
    sizes = [2**power for power in range(devices.bit_length()) if devices % 2**power == 0]
    return [size for size in sizes if all(length % size == 0 for length in split)]


def axes(layout: parallel.Layout) -> dict[str, int | bool]:
    """What config.mesh says where it asks for just that, without what is idle."""
    sizes = layout.scoring.shape
    found = {name: sizes[name] for name in ('seed', 'data', 'model')}
    if layout.sequence > 1:
        found['sequence'] = layout.sequence
    return found | (dict(shard_parameters=True) if layout.shard_parameters else {})


def show(axes: dict[str, int | bool]) -> str:
    """'seed 1 x data 128 x model 2 with shard_parameters'"""
    sizes = ' x '.join(f'{name} {size}' for name, size in axes.items() if name != 'shard_parameters')
    return f'{sizes} with shard_parameters' if 'shard_parameters' in axes else sizes
