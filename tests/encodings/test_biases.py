"""Additive biases: values that a hand can compute, and the reductions of one to another."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.atlas import probing
from posbench.encodings import alibi, irpe

LN2, LN3 = np.log(2.0), np.log(3.0)


def bound(name, params=None, *, width=8, heads=2, **options):
    """An encoding with its initial parameters, some of them replaced."""
    encoding = encodings.build(name, **options).sized(width, heads)
    params = {name: jnp.asarray(value, jnp.float32) for name, value in (params or {}).items()}
    initial = jax.jit(encoding.init_params)(jax.random.key(0))
    for name, value in params.items():
        assert initial[name].shape == value.shape, name
    return encoding.with_params(initial | params)


def sequence(*pos):
    return jnp.asarray([pos], jnp.int32)


def page(*pos):
    return jnp.asarray([pos], jnp.int32)


def inverse_softplus(x):
    return np.log(np.expm1(x))


def test_kerple_log_of_one_and_one_is_the_logarithm_of_one_plus_the_distance():
    one = [inverse_softplus(1.0)] * 2
    bias = bound('kerple_log', {'raw_p': one, 'raw_a': one}).bias(sequence(2), sequence(0, 1, 2, 3, 4))
    np.testing.assert_allclose(bias[0, 1, 0], [-LN3, -LN2, 0, -LN2, -LN3], rtol=1e-6)


def test_kerple_power_one_is_alibi_with_slope_a():
    params = {'raw_a': inverse_softplus(alibi.slopes(4)), 'raw_p': np.zeros(4)}
    pos_q, pos_k = sequence(12, 20, 31), sequence(0, 3, 12, 40)
    got = bound('kerple_power', params, width=16, heads=4).bias(pos_q, pos_k)
    np.testing.assert_allclose(got, bound('alibi', width=16, heads=4).bias(pos_q, pos_k), rtol=2e-6)


def test_kerple_powers_up_to_two():
    """p = 2 sigmoid(x) is 1.5 at x = ln 3; a = 1/2."""
    params = {'raw_a': [inverse_softplus(0.5)] * 2, 'raw_p': [LN3] * 2}
    bias = bound('kerple_power', params).bias(sequence(400), sequence(400, 396, 300, 0))
    np.testing.assert_allclose(bias[0, 0, 0], [0, -4, -500, -4000], rtol=2e-6)


@pytest.mark.parametrize('name', ['kerple_log', 'kerple_power'])
def test_kerple_starts_as_uniform_as_in_the_paper(name):
    params = encodings.build(name).sized(32, 4000).init_params(jax.random.key(0))
    a = np.asarray(jax.nn.softplus(params['raw_a']))
    p = params['raw_p']
    p = np.asarray(jax.nn.softplus(p) if name == 'kerple_log' else 2 * jax.nn.sigmoid(p))
    for drawn, high in ((a, 1.0), (p, 2.0)):
        assert drawn.min() >= 0.0099 and drawn.max() <= high
        # The share below each tenth of the range; 4000 draws are within 3 % of it.
        shares = [(drawn < high * tenth / 10).mean() for tenth in range(1, 10)]
        np.testing.assert_allclose(shares, np.arange(1, 10) / 10, atol=0.03)


def test_sandwich_of_two_channels_is_a_cosine():
    """H / (8 h) cos(d) for h = 1, 2, as in attn_gym/mods/sandwich.py; at distance 0 all 64 cosines of 128 are 1."""
    bias = bound('sandwich', channels=2).bias(sequence(3), sequence(3, 2, 4, 0))
    np.testing.assert_allclose(bias[0, 0, 0], np.cos([0, 1, 1, 3]) / 4, rtol=1e-6)
    np.testing.assert_allclose(bias[0, 1, 0], np.cos([0, 1, 1, 3]) / 8, rtol=1e-6)
    np.testing.assert_allclose(bound('sandwich').bias(sequence(5), sequence(5))[0, :, 0, 0], [16, 8], rtol=1e-6)


FIRE_OF_SHARES = {'kernel_0': [[1.0]], 'bias_0': [0.0], 'kernel_1': [[1.0, -2.0]], 'c': 1.0}


def test_fire_is_a_function_of_the_share_of_the_distance():
    """c = 1, threshold 3: ln(1 + d) / ln(1 + max(i, 3)), times 1 and -2 in the two heads."""
    fire = bound('fire', FIRE_OF_SHARES, hidden=1, length=3.0)
    for pos_q in (sequence(7, 1), sequence(1, 7)):
        bias = fire.bias(pos_q, sequence(4, 1))
        wanted = {7: [np.log(4) / np.log(8), np.log(7) / np.log(8)], 1: [np.log(4) / np.log(4), 0.0]}
        wanted = np.array([wanted[int(i)] for i in pos_q[0]])
        np.testing.assert_allclose(bias[0], [wanted, -2 * wanted], rtol=1e-5)


def test_fire_of_distance_alone_ends_at_the_threshold():
    """The same values by distance and by pairs: consecutive positions below the threshold, at it and beyond."""
    fire = bound('fire', length=20.0)
    of = probing.compiled(fire, lambda fire, *pos: fire.bias(*pos))
    for first in (5, 15, 16, 40):
        pos_k = np.arange(first + 6)[None]
        by_block = of(pos_k[:, first:], pos_k)
        one_by_one = [of(pos_k[:, i : i + 1], pos_k) for i in range(first, first + 6)]
        np.testing.assert_allclose(by_block, np.concatenate(one_by_one, axis=2), rtol=0, atol=1e-6)
    near, nearer = (of(sequence(i), sequence(i - 4)) for i in (20, 10))
    np.testing.assert_array_equal(near, nearer)
    assert np.abs(of(sequence(60), sequence(56)) - near).max() > 1e-3


@pytest.mark.parametrize('name, last', [('fire', 'kernel_1'), ('dynamic_bias', 'kernel_2')])
def test_a_network_with_a_last_layer_of_zeros_is_nothing(name, last):
    width = 32 if name == 'fire' else 2
    bias = bound(name, {last: np.zeros((width, 2))}).bias(sequence(0, 1, 2, 9), sequence(0, 1, 2, 9))
    np.testing.assert_array_equal(bias, 0)


def test_tisa_of_one_bump_falls_off_on_both_sides_of_its_centre():
    """2 exp(-(d - 1)^2) with its centre one key before the query; a negative sharpness is as good."""
    params = {'amplitude': [[2.0, 2.0]], 'sharpness': [[1.0, -1.0]], 'centre': [[-1.0, -1.0]]}
    bias = bound('tisa', params, kernels=1).bias(sequence(5), sequence(3, 4, 5, 6))
    wanted = 2 * np.exp([-1.0, 0.0, -1.0, -4.0])
    np.testing.assert_allclose(bias[0, :, 0], [wanted, wanted], rtol=1e-6)


def test_a_network_of_one_unit_is_alibi_for_keys_before_the_query():
    params = {'kernel_0': [[1.0]], 'bias_0': [0.0], 'kernel_1': -alibi.slopes(2)[None]}
    got = bound('dynamic_bias', params, hidden=1, depth=1, activation='relu').bias(sequence(8), sequence(0, 3, 8, 9))
    np.testing.assert_array_equal(got[0, :, 0, :3], bound('alibi').bias(sequence(8), sequence(0, 3, 8))[0, :, 0])
    np.testing.assert_array_equal(got[0, :, 0, 3], 0)


def test_the_continuous_bias_reads_the_logarithm_and_stays_within_its_bound():
    """16 sigmoid(sign(d) ln(1 + |d|)) by two units, relu(x) - relu(-x) = x."""
    params = {'kernel_0': [[1.0, -1.0]], 'bias_0': [0.0, 0.0], 'kernel_1': [[1.0, 0.0], [-1.0, 0.0]]}
    options = dict(hidden=2, depth=1, activation='relu', log_distance=True, bound=16.0)
    bias = bound('dynamic_bias', params, **options).bias(sequence(2), sequence(0, 2, 3))
    # e^x / (1 + e^x) of x = ln 3, 0 and -ln 2.
    np.testing.assert_allclose(bias[0, 0, 0], [12, 8, 16 / 3], rtol=1e-6)
    np.testing.assert_array_equal(bias[0, 1, 0], 8)


def test_t5_biases_that_fall_with_the_bucket_fall_with_the_distance():
    table = -np.arange(32.0) * [[1.0], [2.0]]
    bias = bound('t5_bias', {'table': table}).bias(sequence(200), jnp.arange(201)[None])
    steps = np.diff(bias[0, :, 0])
    assert (steps >= 0).all() and (steps > 0).sum() == 2 * 31


def test_tupe_multiplies_normalised_position_vectors():
    """LayerNorm of (1, 0) is (1, -1) and of (0, 3) is (-1, 1): the products are 2 and -2, over sqrt(K) = sqrt(2)."""
    identity = np.eye(2)[:, None]
    params = {'table': [[1.0, 0.0], [0.0, 3.0]], 'query': identity, 'key': identity}
    bias = bound('tupe_a', params, width=2, heads=1, max_length=2).bias(sequence(0, 1), sequence(0, 1))
    np.testing.assert_allclose(bias[0, 0], np.array([[2, -2], [-2, 2]]) / np.sqrt(2), rtol=1e-4)


def test_tupe_r_is_tupe_a_and_t5():
    pos = sequence(0, 1, 2, 3, 40, 41)
    both = bound('tupe_r', max_length=64)
    names = ('table', 'norm_scale', 'norm_bias', 'query', 'key')
    params = both.variables['params']
    absolute = bound('tupe_a', {name: params[name] for name in names}, max_length=64)
    relative = bound('t5_bias', {'table': params['relative']}, bidirectional=True)
    np.testing.assert_allclose(both.bias(pos, pos), absolute.bias(pos, pos) + relative.bias(pos, pos), atol=1e-7)


@pytest.mark.parametrize('name', ['tupe_a', 'tupe_r'])
def test_outside_of_the_table_of_positions_is_nan_or_the_nearest_row(name):
    pos = sequence(2, 4, -3)
    loud = bound(name, max_length=4).bias(pos, sequence(2))[0, 0, :, 0]
    np.testing.assert_array_equal(np.isnan(loud), [False, True, True])
    quiet = bound('tupe_a', max_length=4, out_of_range='clip')
    np.testing.assert_array_equal(quiet.bias(pos, sequence(2)), quiet.bias(sequence(2, 3, 0), sequence(2)))


def test_swin_takes_the_offset_in_rows_and_columns_and_clips_it():
    table = np.arange(9.0).reshape(1, 3, 3)
    keys = page((0, 0), (1, 1), (2, 2), (1, 0), (0, 7), (90, 1))
    bias = bound('swin_bias', {'table': table}, heads=1, max_distance=1).bias(page((1, 1)), keys)
    np.testing.assert_array_equal(bias[0, 0, 0], [8, 4, 0, 5, 6, 1])


def test_irpe_has_seven_buckets_on_each_axis():
    """1.9 + 1.9 ln(x / 1.9) / ln 8 for x = 2, 3, 4, 15: 1.95, 2.32, 2.58, 3.79; the bound 3.8 is cut off to 3."""
    x = jnp.asarray([0, 1, -1, 2, 3, -3, 4, 15, -16, 1000])
    np.testing.assert_array_equal(irpe.bucket(x, 1.9) - 3, [0, 1, -1, 2, 2, -2, 3, 3, -3, 3])
    assert bound('irpe').table.shape == (1, 49, 4)


def test_an_irpe_table_of_one_offset_is_heard_at_that_offset_alone():
    """Query (5, 5), one row above and two or three columns to the right: buckets 1 and -2, row 4 * 7 + 1 of 49."""
    table = np.zeros((1, 49))
    table[0, 4 * 7 + 1] = 1.0
    keys = page((4, 7), (4, 8), (4, 6), (5, 7), (6, 7))
    bias = bound('irpe', {'table': table}, mode='bias').bias(page((5, 5)), keys)
    np.testing.assert_array_equal(np.broadcast_to(bias, (1, 2, 1, 5))[0, :, 0], [[1, 1, 0, 0, 0]] * 2)


def test_the_gate_of_wavlm_stands_at_one_and_three_quarters_without_content():
    """a = b = 1/2 and gain 1: 1/2 (1/2 - 1) + 2."""
    params = {'gate_kernel': np.zeros((4, 2, 4)), 'gate_bias': np.zeros((2, 4))}
    gate = bound('wavlm_gated', params).aux(jnp.ones((1, 3, 8)), sequence(0, 1, 2))
    np.testing.assert_array_equal(gate, np.full((1, 3, 2), 1.75))


def test_the_gate_of_wavlm_reads_the_channels_of_its_head():
    params = {'gate_kernel': np.full((4, 2, 4), 0.25), 'gate_bias': np.zeros((2, 4)), 'gain': [1.0, 3.0]}
    x = jnp.asarray([0, 0, 0, LN3, -LN3, 0, 0, 0]).reshape(1, 1, 8)
    gate = bound('wavlm_gated', params).aux(x, sequence(0))
    # sigmoid(ln 3) = 3/4 and sigmoid(-ln 3) = 1/4 for both a and b.
    np.testing.assert_allclose(gate[0, 0], [0.75 * (0.75 - 1) + 2, 0.25 * (0.25 * 3 - 1) + 2], rtol=1e-6)
