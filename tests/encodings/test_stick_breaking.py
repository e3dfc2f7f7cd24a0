"""Shares of a stick, by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from tests.encodings import small


def weights(z_L, attend_current=False, block_size=None, remainder=False):
    """The shares of the last of len(z_L) tokens, whose logits are z_L: the output for values that are unit vectors."""
    return _weights(jnp.asarray(z_L, jnp.float32), attend_current, block_size, remainder)


@functools.partial(jax.jit, static_argnums=(1, 2, 3))
def _weights(z_L, attend_current, block_size, remainder):
    length = len(z_L)
    options = dict(attend_current=attend_current, remainder=remainder)
    encoding = encodings.build('stick_breaking', **options).sized(length, 1)
    k = jnp.zeros((1, length, 1, length)).at[0, :, 0, 0].set(z_L)
    q = jnp.zeros((1, length, 1, length)).at[0, -1, 0, 0].set(length**0.5)
    x, pos = jnp.zeros((1, length, length)), small.positions(1, length)
    v = jnp.eye(length)[None, :, None]
    return small.attended(encoding, q, k, v, x, pos, block_size=block_size)[0, -1, 0]


@pytest.mark.parametrize('block_size', [None, 1, 3])
def test_equal_logits_of_0_halve_the_stick(block_size):
    np.testing.assert_allclose(weights([0, 0, 0, 0], False, block_size), [1 / 8, 1 / 4, 1 / 2, 0], rtol=1e-6)
    np.testing.assert_allclose(weights([0, 0, 0, 0], True, block_size), [1 / 16, 1 / 8, 1 / 4, 1 / 2], rtol=1e-6)


def test_a_sure_key_hides_those_before_it():
    """sigmoid(log 3) = 3/4, of which the key before it takes 1/4 of what is left, and so on."""
    np.testing.assert_allclose(weights([np.log(3), 60.0, np.log(1 / 3), 0.0]), [0, 3 / 4, 1 / 4, 0], atol=1e-6)


def test_shares_and_what_is_left_are_1():
    z_L = np.random.default_rng(0).normal(size=9)
    left = np.prod([1 - jax.nn.sigmoid(z) for z in z_L[:-1]])
    np.testing.assert_allclose(weights(z_L).sum() + left, 1, rtol=1e-6)


@pytest.mark.parametrize('block_size', [None, 1, 3])
def test_what_is_left_goes_to_the_query_itself_if_asked(block_size):
    got = weights([0, 0, 0, 0], False, block_size, remainder=True)
    np.testing.assert_allclose(got, [1 / 8, 1 / 4, 1 / 2, 1 / 8], rtol=1e-6)
    got = weights([0, 0, 0, 0], True, block_size, remainder=True)
    np.testing.assert_allclose(got, [1 / 16, 1 / 8, 1 / 4, 1 / 2 + 1 / 16], rtol=1e-6)


def test_the_first_token_gets_nothing():
    np.testing.assert_array_equal(weights([5.0]), [0])
    np.testing.assert_allclose(weights([5.0], attend_current=True), [jax.nn.sigmoid(5.0)], rtol=1e-6)


@pytest.mark.parametrize('z', [-1e4, 1e4])
def test_logits_of_any_size_have_finite_shares_and_gradients(z):
    shares, gradient = jax.value_and_grad(lambda z_L: (weights(z_L) * jnp.arange(5.0)).sum())(jnp.full(5, z))
    assert np.isfinite(shares) and np.isfinite(gradient).all()
