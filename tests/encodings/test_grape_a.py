"""Slopes that depend on content: by hand, and where they are ALiBi's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.encodings import base

HEADS, WIDTH = 2, 8
POS = np.array([[0, 3, 10]], np.int32)


def draw(*shape, seed):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def added(params, q, k, **options):
    """What is added to the logits, [H, L, M]; softplus(omega) is 1."""
    encoding = encodings.build('grape_a', **options).sized(WIDTH, HEADS)
    encoding = encoding.with_params({'omega': jnp.full(HEADS, np.log(np.e - 1), jnp.float32)} | params)
    return encoding.score(jnp.zeros((1, HEADS, 3, 3)), base.Block(q, k, POS, POS), None)[0][0]


def test_the_slope_of_a_key_by_hand():
    """K = 4 and u = (5, 0, 0, 0): the gate is softplus(k_0 / 2), ln 3 for k_0 = 2 ln 2; slopes 1/16 and 1/256."""
    u = jnp.zeros((HEADS, 4)).at[:, 0].set(5.0)
    k = jnp.zeros((1, 3, HEADS, 4)).at[..., 0].set(2 * np.log(2))
    got = added({'u': u}, draw(1, 3, HEADS, 4, seed=0), k, gate='key')
    np.testing.assert_allclose(got[:, 2], -np.log(3) * np.outer([1 / 16, 1 / 256], [10, 7, 0]), rtol=1e-5)


@pytest.mark.parametrize('gate, both', [('key', 1), ('query', 1), ('query_key', 2)])
def test_gates_that_look_at_nothing_have_the_slopes_of_alibi_times_log_2(gate, both):
    q, k, nothing = draw(1, 3, HEADS, 4, seed=0), draw(1, 3, HEADS, 4, seed=1), jnp.zeros((HEADS, 4))
    params = {'u': nothing, 'v': nothing}
    alibi = encodings.build('alibi').sized(WIDTH, HEADS).bias(POS, POS)[0]
    np.testing.assert_allclose(added(params, q, k, gate=gate), both * np.log(2) * alibi, rtol=1e-5)


def test_query_and_key_add_up():
    q, k = draw(1, 3, HEADS, 4, seed=0), draw(1, 3, HEADS, 4, seed=1)
    params = {name: draw(HEADS, 4, seed=seed) for seed, name in enumerate('uv')}
    parts = added(params, q, k, gate='key') + added(params, q, k, gate='query')
    np.testing.assert_allclose(added(params, q, k), parts, rtol=0, atol=1e-6)


def test_of_a_direction_only_the_direction_counts():
    q, k = draw(1, 3, HEADS, 4, seed=0), draw(1, 3, HEADS, 4, seed=1)
    params = {name: draw(HEADS, 4, seed=seed) for seed, name in enumerate('uv')}
    longer = jax.tree.map(lambda vector: 7 * vector, params)
    np.testing.assert_allclose(added(longer, q, k), added(params, q, k), rtol=0, atol=1e-6)


def test_the_factor_of_the_slopes_starts_where_it_is_told_to():
    params = encodings.build('grape_a', init_omega=2.5).sized(WIDTH, HEADS).init_params(jax.random.key(0))
    np.testing.assert_allclose(jax.nn.softplus(params['omega']), 2.5, rtol=1e-6)
