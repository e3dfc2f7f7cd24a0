"""Products, sums and factors that are written for speed are the plain ones, values and gradients."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench.encodings import products, running, shared


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def with_gradients(function, *arguments):
    """Value, and gradients of a number that hears all of it, in float32."""

    def heard(*arguments):
        value = function(*arguments)
        return jnp.vdot(draw(*value.shape, seed=9), value), value

    (_, value), gradients = jax.value_and_grad(heard, tuple(range(len(arguments))), has_aux=True)(*arguments)
    return jax.tree.map(lambda x: np.asarray(x, np.float32), (value, gradients))


def same(got, wanted, tolerance=2e-5):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance), got, wanted)


PRODUCTS = [
    (products.scores, 'BLHK,BMHK->BHLM', (2, 5, 3, 4), (2, 7, 3, 4)),
    (products.mixed, 'BHLM,BMHK->BLHK', (2, 3, 5, 7), (2, 7, 3, 4)),
]


@pytest.mark.parametrize('dtype, tolerance', [(jnp.float32, 2e-5), (jnp.bfloat16, 2e-2)])
@pytest.mark.parametrize('product, subscripts, first, second', PRODUCTS)
def test_products_are_their_einsums(product, subscripts, first, second, dtype, tolerance):
    a, b = jnp.asarray(draw(*first), dtype), jnp.asarray(draw(*second, seed=1), dtype)
    einsum = functools.partial(jnp.einsum, subscripts, preferred_element_type=jnp.float32)
    assert product(a, b).dtype == jnp.float32
    same(with_gradients(product, a, b), with_gradients(einsum, a, b), tolerance)


@pytest.mark.parametrize('product, subscripts, first, second', PRODUCTS)
def test_gradients_of_products_have_the_dtypes_of_their_factors(product, subscripts, first, second):
    a, b = jnp.asarray(draw(*first), jnp.bfloat16), jnp.asarray(draw(*second))
    of_a, of_b = jax.grad(lambda a, b: product(a, b).sum(), (0, 1))(a, b)
    assert (of_a.dtype, of_b.dtype) == (jnp.bfloat16, jnp.float32)


SHAPES = [((1, 3, 4, 5), (2, 3, 4, 5)), ((1, 1, 4, 1), (2, 3, 4, 5)), ((2, 3, 4, 5), (2, 3, 4, 5))]


@pytest.mark.parametrize('small, large', SHAPES)
def test_spread_is_a_broadcast(small, large):
    x = draw(*small)
    got = with_gradients(lambda x: shared.spread(x, large), x)
    same(got, with_gradients(lambda x: jnp.broadcast_to(x, large), x))


@pytest.mark.parametrize('small, large', [*SHAPES, ((1, 3, 4, 5), (2, 3, 4, 1))])
def test_times_is_a_product(small, large):
    x, y = draw(*small), draw(*large, seed=1)
    same(with_gradients(shared.times, x, y), with_gradients(jnp.multiply, x, y))


def test_more_slices_than_are_added_one_by_one():
    x, shape = draw(1, 2, 3), (shared.SLICES + 1, 2, 3)
    got = with_gradients(lambda x: shared.spread(x, shape), x)
    same(got, with_gradients(lambda x: jnp.broadcast_to(x, shape), x))


@pytest.mark.parametrize('length', [1, 2, running.FEW, running.FEW + 1, 3 * running.FEW - 1, 20 * running.FEW])
def test_above_is_the_sum_of_all_later_numbers(length):
    x = draw(2, 3, length)
    same(with_gradients(running.above, x), with_gradients(lambda x: jax.lax.cumsum(x, 2, reverse=True) - x, x))


def test_log_sigmoid_is_that_of_jax_however_far_out():
    x = np.array([-1e4, -90.0, -20.0, -1e-6, 0.0, 1e-6, 3.0, 20.0, 90.0, 1e4], np.float32)
    same(with_gradients(running.log_sigmoid, x), with_gradients(jax.nn.log_sigmoid, x), 1e-6)
    np.testing.assert_allclose(running.log_sigmoid(x), jax.nn.log_sigmoid(x), rtol=1e-6)
