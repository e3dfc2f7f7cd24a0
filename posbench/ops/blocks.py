"""An axis of tokens cut into blocks."""

import jax
import jax.numpy as jnp


def cut(x: jax.Array, axis: int, size: int, halo: int = 0, fill=0, multiple: int = 1) -> jax.Array:
    """Blocks of `size` along `axis`, with `halo` more on either side, stacked along a new leading axis.

    What is beyond the ends is `fill`; the last block is filled up with it, and so are as many more as make their number
    a multiple.
    """
    count = -(-x.shape[axis] // (size * multiple)) * multiple
    padding = [(0, 0)] * x.ndim
    padding[axis] = (halo, count * size - x.shape[axis] + halo)
    x = jnp.pad(x, padding, constant_values=fill)
    if not halo:
        blocks = x.reshape(*x.shape[:axis], count, size, *x.shape[axis + 1 :])
        return jnp.moveaxis(blocks, axis, 0)
    starts = range(0, count * size, size)
    return jnp.stack([jax.lax.slice_in_dim(x, at, at + size + 2 * halo, axis=axis) for at in starts])
