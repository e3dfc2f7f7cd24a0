"""What the rows of a batch or the heads share, made as large as they are."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from posbench.ops.blocks import cut

# More slices than this are left to XLA: each is an instruction of its own.
SLICES = 64


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def spread(x: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """`jnp.broadcast_to`, of as many axes as `x` has; the gradient is added up slice by slice on a CPU.

    XLA's own sum over axes in front is up to 50 times as slow there.
    """
    return jnp.broadcast_to(x, shape)


def _spread_forward(x, shape):
    # Only the shape is needed, and an array without elements carries it through any transformation.
    return spread(x, shape), jnp.zeros((0, *x.shape))


def _spread_backward(shape, empty, d_x):
    return (_added(d_x, empty.shape[1:]),)


spread.defvjp(_spread_forward, _spread_backward)


@jax.custom_vjp
def times(x: jax.Array, y: jax.Array) -> jax.Array:
    """x * y, of as many axes each, with gradients like those of `spread`; neither is held as large as the product."""
    return x * y


def _times_forward(x, y):
    return times(x, y), (x, y)


def _times_backward(factors, d_xy):
    x, y = factors
    return _added(d_xy * y, x.shape), _added(d_xy * x, y.shape)


times.defvjp(_times_forward, _times_backward)


def made_once(function: Callable, *x_BL: jax.Array) -> Any:
    """`function` of arrays with tokens in their second axis; so has each array that it gives.

    In two halves, because XLA on a CPU makes sines and the like anew for each row and channel that reads them, and
    stops only at the border of a loop.
    """
    length = x_BL[0].shape[1]
    halves = jax.lax.map(lambda some: function(*some), tuple(cut(x, 1, -(-length // 2)) for x in x_BL))
    return jax.tree.map(lambda part: jnp.concatenate(jnp.unstack(part), axis=1)[:, :length], halves)


def _added(x: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Sums over the axes where `shape` has 1."""
    for axis, (before, after) in enumerate(zip(x.shape, shape)):
        if before == after:
            continue
        summed = functools.partial(jnp.sum, axis=axis, keepdims=True)
        if axis < x.ndim - 1 and before <= SLICES:
            x = jax.lax.platform_dependent(x, cpu=functools.partial(_slices_added, axis=axis), default=summed)
        else:
            x = summed(x)
    return x


def _slices_added(x: jax.Array, axis: int) -> jax.Array:
    return functools.reduce(jnp.add, jnp.split(x, x.shape[axis], axis))
