"""The products are plain einsums, values and gradients."""

import functools

import jax
import jax.numpy as jnp
import pytest

from posbench.ops import products
from tests.gradients import draw, same, with_gradients

PRODUCTS = [
    (products.scores, 'BLHK,BMHK->BHLM', (2, 5, 3, 4), (2, 7, 3, 4)),
    (products.mixed, 'BHLM,BMHK->BLHK', (2, 3, 5, 7), (2, 7, 3, 4)),
    (products.exact, 'BLK,KN->BLN', (2, 5, 3), (3, 4)),
    (products.exact, 'LK,KN->LN', (5, 3), (3, 4)),
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
