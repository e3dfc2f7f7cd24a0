"""Whole numbers from 0."""

import jax
import jax.numpy as jnp

from posbench.positions import base


@base.shared_by_batch
@base.reaches(lambda length, train: length)
def sequential(rng: jax.Array, batch_size: int, length: int, *, train: bool = False) -> jax.Array:
    """0, 1, 2, ..., length - 1."""
    return jnp.broadcast_to(jnp.arange(length, dtype=jnp.int32), (batch_size, length))
