"""Temperatures: values that a hand can compute, and what they reduce to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings


def scales(name, pos, params=None, **options):
    """What a query of ones is multiplied by, [L, H, K]."""
    encoding = encodings.build(name, over='none', **options).sized(width=8, heads=2)
    pos_BL = jnp.asarray([pos], jnp.int32)
    x_BLHK = jnp.ones((1, len(pos), 2, 4))
    key_BLHK = encoding.with_params(params or {}).rotate(x_BLHK, pos_BL, 'key')
    np.testing.assert_array_equal(key_BLHK, x_BLHK)
    return encoding.with_params(params or {}).rotate(x_BLHK, pos_BL, 'query')[0]


def test_log_n_is_1_at_the_training_length_and_2_at_its_square():
    got = scales('log_n', [0, 7, 15, 255], train_length=16)[:, 1, 2]
    np.testing.assert_allclose(got, [0, 0.75, 1, 2], rtol=0, atol=1e-6)
    floored = scales('log_n', [0, 7, 15, 255], train_length=16, at_least_one=True)[:, 1, 2]
    np.testing.assert_allclose(floored, [1, 1, 1, 2], rtol=0, atol=1e-6)


def test_llama_4_of_its_own_numbers():
    """1 + 0.1 ln(1 + floor((p + 1) / 8192)): 1 up to token 8190, 1 + 0.1 ln 2 from 8191, 1 + 0.1 ln 33 at 256k."""
    got = scales('llama4_temperature', [0, 8190, 8191, 16382, 262_144], floor_scale=8192)[:, 0, 0]
    np.testing.assert_allclose(got, [1, 1, 1.06931472, 1.06931472, 1.34965076], rtol=0, atol=1e-6)


def test_ssmax_has_its_own_number_for_each_head():
    got = scales('ssmax', [0, 1, 3], {'scale': jnp.asarray([0.5, 2.0])})[..., 0]
    np.testing.assert_allclose(got, np.log([[1], [2], [4]]) * [[0.5, 2.0]], rtol=0, atol=1e-6)


def test_ssmax_trains_a_number_for_each_layer_and_leaves_shared_tables_shared():
    encoding = encodings.build('ssmax', over='learned').sized(width=8, heads=2)
    shared, own = encoding.split({'scale': 1, 'over': {'table': 2}})
    assert (shared, own) == ({'over': {'table': 2}}, {'scale': 1})
    x_BLD = jnp.zeros((1, 1, 8))
    table = jnp.arange(16.0).reshape(2, 8)
    embedded = encodings.build('ssmax', over=dict(name='learned', max_length=2)).sized(width=8, heads=2)
    embedded = embedded.with_params({'over': {'table': table}}).embed(x_BLD, jnp.asarray([[1]]))
    np.testing.assert_array_equal(embedded[0, 0], table[1])


@pytest.mark.parametrize('name', ['log_n', 'ssmax', 'llama4_temperature'])
def test_temperatures_leave_biases_alone(name):
    pos = jnp.asarray([[0, 5, 9]])
    encoding = encodings.build(name, over='alibi').sized(width=8, heads=2)
    alibi = encodings.build('alibi').sized(width=8, heads=2)
    params = encoding.init_params(jax.random.key(0))
    np.testing.assert_array_equal(encoding.with_params(params).bias(pos, pos), alibi.with_params({}).bias(pos, pos))
