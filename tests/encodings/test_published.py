"""Values that others published or that a hand can compute, each with its source."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.encodings import alibi, t5_bias
from posbench.encodings.parts import angles, spectra


def bound(name, width=8, heads=2, params=None, **options):
    encoding = encodings.build(name, **options).clone(width=width, heads=heads, head_width=width // heads)
    return encoding.with_params(params or {})


def sequence(*pos):
    return jnp.asarray([pos], jnp.int32)


def test_alibi_slopes_of_eight_heads():
    """Section 3 of arXiv 2108.12409: 1/2^1, 1/2^2, ..., 1/2^8."""
    np.testing.assert_array_equal(alibi.slopes(8), [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256])


def test_alibi_slopes_of_twelve_heads():
    """The slopes of 8 heads, then every other one of 16 heads: 2^-0.5, 2^-1.5, ... (the authors' `get_slopes`)."""
    np.testing.assert_allclose(alibi.slopes(12)[8:], [0.70710678, 0.35355339, 0.1767767, 0.08838835], rtol=1e-7)
    np.testing.assert_array_equal(alibi.slopes(12)[:8], alibi.slopes(8))


def test_alibi_bias_of_the_figure_in_the_paper():
    """Figure 3 of arXiv 2108.12409: 0, -1, -2, -3, -4 from the query backwards, times the slope of the head."""
    bias = bound('alibi', heads=8, width=16).bias(sequence(4), sequence(0, 1, 2, 3, 4))
    np.testing.assert_array_equal(bias[0, 0, 0], np.array([-4, -3, -2, -1, 0]) / 2)
    np.testing.assert_array_equal(bias[0, 7, 0], np.array([-4, -3, -2, -1, 0]) / 256)


# First distance of each bucket for 32 buckets up to 128: ceil(16 * 8^((b - 16) / 16)) for b = 16 ... 31, and on one
# side of the bidirectional ones ceil(8 * 16^((b - 8) / 8)) for b = 8 ... 15. The rule of `_relative_position_bucket`
# in transformers 5.23 (models/t5/modeling_t5.py).
CAUSAL = [*range(16), 16, 19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113]
ONE_SIDE = [*range(8), 8, 12, 16, 23, 32, 46, 64, 91]


@pytest.mark.parametrize('compiled', [False, True])
def test_t5_buckets_of_32_up_to_128(compiled):
    bucket = jax.jit(t5_bias.bucket, static_argnums=(1, 2, 3)) if compiled else t5_bias.bucket
    distance = np.arange(-200, 5000)
    causal = np.searchsorted(CAUSAL, np.maximum(distance, 0), side='right') - 1
    np.testing.assert_array_equal(bucket(jnp.asarray(distance), 32, 128, False), causal)
    one_side = np.searchsorted(ONE_SIDE, np.abs(distance), side='right') - 1
    both = one_side + np.where(distance < 0, 16, 0)
    np.testing.assert_array_equal(bucket(jnp.asarray(distance), 32, 128, True), both)


def test_t5_needs_a_logarithmic_range():
    with pytest.raises(ValueError, match='max_distance=16'):
        t5_bias.bucket(jnp.arange(3), 32, 16, False)


def test_sinusoids_of_position_one():
    """sin and cos of 1, 1/10, 1/100, 1/1000: D = 8 and theta = 10^4 in section 3.5 of arXiv 1706.03762."""
    wanted = [0.84147098, 0.54030231, 0.09983342, 0.99500417, 0.00999983, 0.99995, 0.001, 0.9999995]
    got = bound('sinusoidal').table(sequence(1))[0, 0]
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-7)
    concat = bound('sinusoidal', layout='concat').table(sequence(1))[0, 0]
    np.testing.assert_allclose(concat, wanted[0::2] + wanted[1::2], rtol=0, atol=1e-7)


def test_frequencies_of_tensor2tensor():
    """D = 8: 1, 10^(-4/3), 10^(-8/3), 10^-4 (`get_timing_signal_1d`), against 1, .1, .01, .001 of the paper."""
    np.testing.assert_allclose(spectra.geometric_inclusive(1e4, 8), [1, 0.04641589, 0.0021544347, 1e-4], rtol=1e-6)
    np.testing.assert_allclose(spectra.geometric(1e4, 8), [1, 0.1, 0.01, 0.001], rtol=1e-12)


def test_phases_at_position_100_000_are_good_to_float32():
    """Whole turns are gone before anything is rounded: at most 2^-23 of half a turn."""
    omega = spectra.geometric(1e4, 64)
    apart = np.asarray(angles.angles(sequence(100_000)[..., None], omega)[0, 0], np.float64) - 100_000 * omega
    assert (np.abs(apart - 2 * np.pi * np.round(apart / (2 * np.pi))) <= np.pi * 2.0**-23).all()


def test_rotary_turns_a_pair_by_its_position():
    """K = 2 has one frequency, 1: (1, 0) at position p becomes (cos p, sin p) (arXiv 2104.09864, section 3.2)."""
    x = jnp.asarray([1.0, 0.0]).reshape(1, 1, 1, 2)
    for layout in ('half', 'interleaved'):
        turned = bound('rotary', width=2, heads=1, layout=layout).rotate(x, sequence(2), 'query')
        np.testing.assert_allclose(turned[0, 0, 0], [-0.41614684, 0.90929743], rtol=0, atol=1e-7)


def test_rotary_dot_products_depend_on_the_distance_alone():
    x = np.random.default_rng(0).normal(size=(2, 1, 1, 1, 8)).astype(np.float32)
    rotary = bound('rotary', width=8, heads=1)

    def dot(i, j):
        return jnp.vdot(rotary.rotate(x[0], sequence(i), 'query'), rotary.rotate(x[1], sequence(j), 'key'))

    for far in (10, 100, 1000):
        np.testing.assert_allclose(dot(far + 5, far), dot(5, 0), atol=2e-4)
        np.testing.assert_allclose(dot(far, far + 5), dot(0, 5), atol=2e-4)
    assert abs(dot(5, 0) - dot(0, 5)) > 0.1 and abs(dot(5, 0) - dot(6, 0)) > 0.1


def test_the_two_rotary_layouts_are_one_permutation_of_channels_apart():
    x = np.random.default_rng(0).normal(size=(1, 5, 2, 8)).astype(np.float32)
    pos, order = sequence(0, 3, 4, 9, 11), [0, 2, 4, 6, 1, 3, 5, 7]
    half = bound('rotary', width=16).rotate(x[..., order], pos, 'query')
    interleaved = bound('rotary', width=16, layout='interleaved').rotate(x, pos, 'query')
    np.testing.assert_allclose(half, interleaved[..., order], rtol=0, atol=1e-6)
    assert np.abs(half - interleaved).max() > 0.1


def test_a_t5_table_of_slopes_is_alibi():
    """T5 with one bucket a distance and -slope * distance in it (a reduction, distances below buckets / 2)."""
    table = -alibi.slopes(4)[:, None] * np.arange(64)
    t5 = bound('t5_bias', heads=4, width=16, buckets=64, params={'table': jnp.asarray(table, jnp.float32)})
    pos_q, pos_k = sequence(12, 20, 31), sequence(0, 3, 12)
    np.testing.assert_allclose(t5.bias(pos_q, pos_k), bound('alibi', heads=4, width=16).bias(pos_q, pos_k), atol=1e-6)


def test_the_learned_table_is_added_row_by_row():
    table = jnp.arange(12.0).reshape(6, 2)
    got = bound('learned', width=2, heads=1, max_length=6, params={'table': table}).embed(
        jnp.full((1, 3, 2), 100.0), sequence(5, 0, 3)
    )
    np.testing.assert_array_equal(got[0], [[110, 111], [100, 101], [106, 107]])


@pytest.mark.parametrize('pos, clipped', [(5, 5), (6, 5), (1000, 5), (-1, 0), (-7, 0)])
def test_outside_of_the_learned_table_is_nan_or_the_nearest_row(pos, clipped):
    table, x = jnp.arange(12.0).reshape(6, 2), jnp.zeros((1, 1, 2))
    loud = bound('learned', width=2, heads=1, max_length=6, params={'table': table}).embed(x, sequence(pos))
    assert np.isnan(loud).all() == (pos != clipped)
    clip = dict(max_length=6, out_of_range='clip')
    quiet = bound('learned', width=2, heads=1, params={'table': table}, **clip).embed(x, sequence(pos))
    np.testing.assert_array_equal(quiet[0, 0], table[clipped])
