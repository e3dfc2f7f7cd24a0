"""Columns beside those of LAPACK in float64, and what is left of a column that others span."""

import jax
import jax.numpy as jnp
import numpy as np

from posbench.ops import orthogonal


def test_columns_are_those_of_a_qr_decomposition_with_a_positive_diagonal():
    x = np.random.default_rng(0).normal(size=(20, 6))
    q, r = np.linalg.qr(x)
    got = jax.jit(orthogonal.columns)(jnp.asarray(x, jnp.float32))
    np.testing.assert_allclose(got, q * np.sign(np.diagonal(r)), rtol=0, atol=2e-6)


def test_columns_that_others_span_become_zero():
    x = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    q = np.asarray(orthogonal.columns(jnp.asarray(np.concatenate([x, np.zeros((20, 1), np.float32)], axis=1))))
    np.testing.assert_allclose(q.T @ q, np.diag([1, 1, 1, 0]), atol=1e-6)


def test_seeds_that_share_two_devices_all_begin_with_orthonormal_rows():
    """Decompositions of LAPACK would wait for each other, for ever: five seeds, the batch over both devices."""
    mesh = jax.sharding.Mesh(jax.devices()[:2], 'data')
    everywhere = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
    drawn = jax.vmap(lambda seed: orthogonal.rows(jax.random.key(seed), (16, 64)))
    rows = np.asarray(jax.jit(drawn, out_shardings=everywhere)(jnp.arange(5)))
    np.testing.assert_allclose(rows @ rows.transpose(0, 2, 1), np.broadcast_to(np.eye(16), (5, 16, 16)), atol=1e-6)
