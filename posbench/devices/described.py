"""Shapes of what parallel.py places, each with where it lies: for programs that are compiled before they run."""

import jax
import numpy as np

from posbench.devices import parallel


def tree(arrays, layout: parallel.Layout):
    """As `parallel.place`, of arrays or shapes."""
    return _described(arrays, layout, jax.tree.map(lambda _: layout.replicated, arrays))


def state(shapes, layout: parallel.Layout):
    """As `parallel.place_state`."""
    return _described(shapes, layout, layout.of_state(shapes))


def rows(shape: tuple[int, ...], dtype, layout: parallel.Layout) -> jax.ShapeDtypeStruct:
    """As `parallel.place_rows`, of the shape [S, N, B, ...] that all rows have."""
    if layout.mode != 'pmap':
        return jax.ShapeDtypeStruct(shape, dtype, sharding=layout.rows_of_steps)
    seeds, count, batch, *others = shape
    parts = layout.mesh.shape['data']
    return jax.ShapeDtypeStruct((parts, seeds, count, batch // parts, *others), dtype, sharding=layout.replicas)


def _described(tree, layout: parallel.Layout, shardings):
    if layout.mode != 'pmap':
        return jax.tree.map(lambda x, to: jax.ShapeDtypeStruct(np.shape(x), _dtype(x), sharding=to), tree, shardings)
    return jax.tree.map(
        lambda x: jax.ShapeDtypeStruct((layout.mesh.size, *np.shape(x)), _dtype(x), sharding=layout.replicas), tree
    )


def _dtype(x):
    return x.dtype if hasattr(x, 'dtype') else np.asarray(x).dtype
