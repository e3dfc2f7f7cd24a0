"""Which meshes to try, in order, where a program has to fit: one function, which every new axis joins."""

from collections.abc import Iterator

import jax

from posbench.devices import parallel
from posbench.training import kinds


def candidates(asked: dict, state, *, mode: str, seeds: int, batch_size: int, devices) -> Iterator[parallel.Layout]:
    """Layouts of all devices, the one with the fewest exchanges first.

    As many seeds as fit and the rest for data is where a run begins; each next one has the model over more devices.
    What `config.mesh` asks for, `asked`, is kept. `state` says what the model axis may split: shapes as
    `Job.abstract_state` has them. Raises MeshError where not even the first one can be made.
    """
    # One of word vectors has no model axis.
    model = asked.get('model', 1)
    sizes = [model] if model > 1 else _model_sizes(state, len(devices), mode)
    for number, model in enumerate(sizes):
        try:
            axes = asked | dict(model=model)
            yield parallel.layout(mode, seeds=seeds, batch_size=batch_size, devices=devices, **axes)
        except parallel.MeshError:
            if number == 0:
                raise


def _model_sizes(state, devices: int, mode: str) -> list[int]:
    """1, 2, 4, ...: what divides the devices and every axis of parameters that the model axis splits."""
    paths = jax.tree_util.tree_leaves_with_path(state.params)
    named = ((jax.tree_util.keystr(path, simple=True, separator='/'), leaf) for path, leaf in paths)
    split = [leaf.shape[axis] for path, leaf in named if (axis := kinds.model_axis(path)) is not None]
    if not split or mode == 'pmap':
        return [1]
    sizes = [2**power for power in range(devices.bit_length()) if devices % 2**power == 0]
    return [size for size in sizes if all(length % size == 0 for length in split)]


def axes(layout: parallel.Layout) -> dict[str, int]:
    """What config.mesh says where it asks for just that."""
    return dict(layout.mesh.shape)


def show(axes: dict[str, int]) -> str:
    """'seed 1 x data 128 x model 2'"""
    return ' x '.join(f'{name} {size}' for name, size in axes.items())
