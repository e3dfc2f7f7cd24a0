"""Orthonormal columns by products alone.

LAPACK's decompositions, mapped over seeds, can wait for ever on two devices of one CPU, and give other bits on another
kind of device.
"""

import jax
import jax.numpy as jnp


def columns(x_VK: jax.Array) -> jax.Array:
    """The columns of a matrix made orthonormal in turn (Gram and Schmidt, each twice), float32.

    A column that the others span becomes 0. Of normal numbers, with V at least K, they are spread evenly over all
    directions.
    """

    def one(k, q_VK):
        x_V = jax.lax.dynamic_slice_in_dim(q_VK, k, 1, axis=1)
        before_K1 = (jnp.arange(q_VK.shape[1]) < k)[:, None]
        for _ in range(2):
            shares_K1 = jnp.where(before_K1, _product('VK,VN->KN', q_VK, x_V), 0.0)
            x_V = x_V - _product('VK,KN->VN', q_VK, shares_K1)
        length = jnp.sqrt(jnp.sum(x_V**2))
        x_V = jnp.where(length > 0, x_V / jnp.maximum(length, 1e-30), 0.0)
        return jax.lax.dynamic_update_slice_in_dim(q_VK, x_V, k, axis=1)

    # Of one size, so that no column is lost beside the others.
    size_1K = jnp.sqrt(jnp.sum(x_VK**2, axis=0, keepdims=True))
    return jax.lax.fori_loop(0, x_VK.shape[1], one, x_VK / jnp.maximum(size_1K, 1e-30))


def rows(rng: jax.Array, shape: tuple[int, int], dtype: jnp.dtype = jnp.float32) -> jax.Array:
    """Initial weights with orthonormal rows, fewer than columns (Saxe et al. 2014, arXiv 1312.6120)."""
    return columns(jax.random.normal(rng, shape[::-1])).T.astype(dtype)


def _product(letters: str, a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.einsum(letters, a, b, precision=jax.lax.Precision.HIGHEST, preferred_element_type=jnp.float32)
