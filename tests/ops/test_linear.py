"""linear.dot_general is jax.lax.dot_general, values and gradients, in every way that dense layers call it."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench.ops import linear

# (shape of x, shape of w, how many axes are summed over)
SHAPES = [((5, 7), (7, 3), 1), ((2, 5, 7), (7, 3), 1), ((2, 5, 7), (7, 3, 4), 1), ((2, 5, 3, 4), (3, 4, 6), 2)]


def random(shape, seed, dtype=jnp.float32):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


def arguments(x_shape, w_shape, summed, dtype=jnp.float32):
    numbers = (tuple(range(len(x_shape) - summed, len(x_shape))), tuple(range(summed))), ((), ())
    return random(x_shape, 0, dtype), random(w_shape, 1, dtype), numbers


def with_gradients(product, x, w, numbers):
    """The product, and the gradients of x and w for a random gradient of it."""
    out, back = jax.vjp(lambda x, w: product(x, w, numbers), x, w)
    return out, *back(random(out.shape, 2, out.dtype))


@pytest.mark.parametrize('shapes', SHAPES, ids=str)
def test_values_and_gradients_are_those_of_lax(shapes):
    got = with_gradients(linear.dot_general, *arguments(*shapes))
    wanted = with_gradients(jax.lax.dot_general, *arguments(*shapes))
    for mine, theirs in zip(got, wanted, strict=True):
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('axes', [(0, 0), (0, None), (None, 0)], ids=str)
def test_the_same_under_vmap(axes):
    x, w, numbers = arguments((4, 5, 3, 2), (3, 2, 6), 2)
    x = x if axes[0] is None else random((3, *x.shape), 3)
    w = w if axes[1] is None else random((3, *w.shape), 4)

    def mapped(product):
        return jax.vmap(lambda x, w: with_gradients(product, x, w, numbers), axes)(x, w)

    for mine, theirs in zip(mapped(linear.dot_general), mapped(jax.lax.dot_general), strict=True):
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize('shapes', SHAPES, ids=str)
def test_bfloat16_stays_bfloat16(shapes):
    got = with_gradients(linear.dot_general, *arguments(*shapes, jnp.bfloat16))
    wanted = with_gradients(jax.lax.dot_general, *arguments(*shapes))
    for mine, theirs in zip(got, wanted, strict=True):
        assert mine.dtype == jnp.bfloat16
        np.testing.assert_allclose(np.asarray(mine, np.float32), theirs, rtol=0.03, atol=0.1)


@pytest.mark.parametrize('dtype', [jnp.float32, jnp.bfloat16], ids=str)
@pytest.mark.parametrize('fields', [dict(features=(3, 4)), dict(features=6, axis=(-2, -1))], ids=str)
def test_a_layer_is_the_one_of_linen_and_its_gradients_have_the_dtypes_of_its_parameters(dtype, fields):
    x = random((2, 5, 3, 4), 0, dtype)
    theirs = nn.DenseGeneral(**fields, use_bias=False, dtype=dtype)
    mine = linear.layer(dtype=dtype, **fields)
    params = theirs.init(jax.random.key(0), x)
    assert jax.tree.map(jnp.shape, mine.init(jax.random.key(0), x)) == jax.tree.map(jnp.shape, params)

    def loss(layer, params, x):
        return layer.apply(params, x).astype(jnp.float32).var()

    for got, wanted in zip(
        jax.tree.leaves(jax.grad(loss, argnums=(1, 2))(mine, params, x)),
        jax.tree.leaves(jax.grad(loss, argnums=(1, 2))(theirs, params, x)),
        strict=True,
    ):
        assert got.dtype == wanted.dtype
        tolerance = 1e-6 if dtype == jnp.float32 else 0.02
        np.testing.assert_allclose(np.asarray(got, np.float32), np.asarray(wanted, np.float32), atol=tolerance, rtol=0)
    assert mine.apply(params, x).dtype == dtype
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype(jnp.float32)}
