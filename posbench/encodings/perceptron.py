"""A small network from one number, a distance say, to one bias for each head.

Initial values are those of PyTorch's linear layers, which the papers that use such networks start from.
"""

import itertools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp


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
    h = activation(x.astype(jnp.float32)[..., None] * first[0] + bias)
    for kernel, bias in between:
        h = activation(h @ kernel + bias)
    return jnp.moveaxis(h @ last, -1, 0)
