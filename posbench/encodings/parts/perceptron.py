"""A small network from one number, a distance say, to one bias for each head.

Initial values are those of PyTorch's linear layers, which the papers that use such networks start from.
"""

import itertools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from posbench.ops import products


def uniform(fan_in: int) -> Callable:
    """An initialiser: uniform within fan_in^-1/2 of 0."""

    def init(rng, shape, dtype=jnp.float32):
        return jax.random.uniform(rng, shape, dtype, minval=-(fan_in**-0.5), maxval=fan_in**-0.5)

    return init


def declare(param: Callable, hidden: Sequence[int], heads: int) -> list[tuple[jax.Array, jax.Array | None]]:
    """(kernel, bias) of each layer, made by `param`; `hidden` are the widths between 1 and `heads`.

    The last layer has no bias: added to all logits of a query, it would not be heard after the softmax.
    """
    layers = []
    for number, (before, after) in enumerate(itertools.pairwise((1, *hidden, heads))):
        kernel = param(f'kernel_{number}', uniform(before), (before, after))
        bias = param(f'bias_{number}', uniform(before), (after,)) if number < len(hidden) else None
        layers.append((kernel, bias))
    return layers


def run(layers: Sequence[tuple], x: jax.Array, activation: Callable) -> jax.Array:
    """float32 [H, *x.shape]."""
    (first, bias), *between, (last, _) = layers
    x_1N = x.astype(jnp.float32).reshape(1, -1)
    # A distance is exact in nothing less than full float32.
    # Channels come first and the bias is a second input, so that every sum, those of the gradient included, is a
    # matrix product along N: reductions of that many numbers are three times as slow on a CPU.
    h_CN = activation(products.exact(jnp.stack([first[0], bias], axis=1), jnp.concatenate([x_1N, jnp.ones_like(x_1N)])))
    for kernel, bias in between:
        h_CN = activation(products.exact(kernel.T, h_CN) + bias[:, None])
    return products.exact(last.T, h_CN).reshape(-1, *x.shape)
