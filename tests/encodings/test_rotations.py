"""Encodings that turn queries and keys: published values, and what one of them makes of another."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.encodings import base, mrope
from posbench.encodings.parts import rotation, skew
from posbench.models import attention
from tests.gradients import same, with_gradients


def bound(name, width=16, heads=2, params=None, seed=None, **options):
    """An encoding with given parameters, initial ones, or none."""
    encoding = encodings.build(name, **options).sized(width, heads)
    if seed is not None:
        params = encoding.init_params(jax.random.key(seed))
    return encoding.with_params(params or {})


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def logits(encoding, q_BLHK, k_BMHK, pos_q, pos_k):
    """float32 [B, H, L, M] by rotation and product."""
    pos_q, pos_k = (jnp.asarray(pos, jnp.int32)[None] for pos in (pos_q, pos_k))
    of_q, of_k = (encoding.accumulate(None, pos, None) for pos in (pos_q, pos_k))
    q, k = encoding.rotate(q_BLHK, pos_q, 'query', of_q), encoding.rotate(k_BMHK, pos_k, 'key', of_k)
    return np.asarray(encoding.product(base.Block(q, k, pos_q, pos_k), None)[0])


PLACES = [0, 3, 4, 9, 11]


# xPos


def test_xpos_shrinks_a_pair_by_its_zeta_each_scale_base_tokens():
    """K = 4, scale 512: zeta = 0.4/1.4 and 0.9/1.4 (`scale` of XPOS in torchscale 0.3, head_dim = 4)."""
    xpos, one = bound('xpos', width=4, heads=1, theta=1e9), np.ones((1, 1, 1, 4), np.float32)
    at_0 = 2 * np.cos([512, 512 / 1e9**0.5])
    got = logits(xpos, one, one, [512], [0])[0, 0, 0, 0]
    np.testing.assert_allclose(got, np.sum(at_0 * [0.4 / 1.4, 0.9 / 1.4]), rtol=0, atol=1e-4)


@pytest.mark.parametrize('layout', ['half', 'interleaved'])
def test_xpos_that_fades_over_a_trillion_tokens_is_rotary(layout):
    q, k = draw(2, 5, 2, 8), draw(2, 5, 2, 8, seed=1)
    rotary = logits(bound('rotary', layout=layout), q, k, PLACES, PLACES)
    np.testing.assert_allclose(
        logits(bound('xpos', layout=layout, scale_base=1e12), q, k, PLACES, PLACES), rotary, rtol=0, atol=2e-6
    )
    assert np.abs(logits(bound('xpos', layout=layout), q, k, PLACES, PLACES) - rotary).max() > 1e-2


def test_xpos_fades_by_the_distance_alone_however_far_out():
    q, k = draw(1, 5, 2, 8), draw(1, 5, 2, 8, seed=1)

    def faded(shift):
        pos = jnp.asarray([PLACES], jnp.int32) + shift
        return bound('xpos').product(base.Block(q, k, pos, pos), None)[0]

    np.testing.assert_array_equal(faded(2_147_483_000), faded(0))


def test_xpos_stays_finite_over_a_million_tokens_in_both_directions():
    q, k = draw(1, 3, 2, 8), draw(1, 3, 2, 8, seed=1)
    pos = jnp.asarray([[0, 500_000, 1_000_000]], jnp.int32)

    def loss(q, k):
        return jnp.square(bound('xpos').product(base.Block(q, k, pos, pos), None)[0] * 1e-16).sum()

    for array in (loss(q, k), *jax.grad(loss, argnums=(0, 1))(q, k)):
        assert np.isfinite(array).all()


# PoPE


def test_pope_of_two_channels_by_hand():
    """K = 2: frequencies 1 and 1/100; softplus(0) = ln 2; delta is clipped to [-2 pi, 0]."""
    delta = jnp.asarray([[-1.0, 5.0]])
    pope = bound('pope_polar', width=2, heads=1, params={'delta': delta})
    zero = np.zeros((1, 1, 1, 2), np.float32)
    got = logits(pope, zero, zero, [7], [4])[0, 0, 0, 0]
    np.testing.assert_allclose(got, np.log(2) ** 2 * (np.cos(-3 - 1) + np.cos(-0.03)), rtol=0, atol=1e-6)


def test_phases_of_pope_at_a_bound_have_their_whole_gradient():
    """The derivative of ln(2)^2 cos(angle + delta), where clipping would give half of it."""
    zero = np.zeros((1, 1, 1, 2), np.float32)
    pos_q, pos_k = jnp.asarray([[7]]), jnp.asarray([[4]])

    def logit(delta_HK):
        pope = bound('pope_polar', width=2, heads=1, params={'delta': delta_HK})
        q, k = pope.rotate(zero, pos_q, 'query'), pope.rotate(zero, pos_k, 'key')
        return jnp.vdot(q, k)

    for delta in (0.0, -2 * np.pi):
        gradient_K = jax.grad(logit)(jnp.full((1, 2), delta))[0]
        np.testing.assert_allclose(gradient_K, np.log(2) ** 2 * np.sin([3.0, 0.03]), rtol=0, atol=1e-6)


def test_pope_of_equal_vectors_is_largest_at_distance_0():
    """Without phases all its terms are positive there: what is far can only be less."""
    x = np.tile(draw(1, 1, 2, 8), (1, 50, 1, 1))
    pope = bound('pope_polar', params={'delta': jnp.zeros((2, 8))})
    row_HM = logits(pope, x[:, :1], x, [0], range(50))[0, :, 0]
    assert (row_HM[:, 0] > row_HM[:, 1:].max(axis=1)).all()


def test_the_phases_of_pope_start_where_they_are_said_to():
    drawn = np.asarray(bound('pope_polar', width=512, seed=0, initial='uniform').delta_HK)
    assert (-2 * np.pi <= drawn).all() and (drawn <= 0).all() and abs(drawn.mean() + np.pi) < 0.3
    assert (np.asarray(bound('pope_polar', seed=0).delta_HK) == 0).all()


# Several coordinates


def test_axial_pairs_turn_with_one_coordinate_each():
    """K = 8: frequencies 1 and 1/10 (theta = 100), first for the row, then for the column (`init_axial`'s t_x, t_y)."""
    axial, one = bound('rope_axial', width=8, heads=1), np.tile([1.0, 0.0], 4).reshape(1, 1, 1, 8)
    got = np.asarray(axial.rotate(jnp.asarray(one), jnp.asarray([[[3, 5]]]), 'query'))[0, 0, 0]
    angles = [3, 0.3, 5, 0.5]
    np.testing.assert_allclose(got[0::2], np.cos(angles), rtol=0, atol=1e-6)
    np.testing.assert_allclose(got[1::2], np.sin(angles), rtol=0, atol=1e-6)


def of_axes(*axes):
    return np.stack(axes, axis=-1)


@pytest.mark.parametrize('shift', [(40, 0), (0, 40), (40, -13)])
def test_axial_is_relative_in_row_and_column(shift):
    q, k = draw(1, 5, 2, 8), draw(1, 5, 2, 8, seed=1)
    pos, axial = of_axes(PLACES, PLACES[::-1]), bound('rope_axial')
    still = logits(axial, q, k, pos, pos)
    np.testing.assert_allclose(logits(axial, q, k, pos + shift, pos + shift), still, rtol=0, atol=2e-5)
    assert np.abs(logits(axial, q, k, pos + shift, pos) - still).max() > 0.1


def test_axial_with_all_tokens_in_one_column_is_rotary_on_half_of_the_channels():
    q, k = draw(1, 5, 2, 8), draw(1, 5, 2, 8, seed=1)
    axial = bound('rope_axial', layout='interleaved', theta=50.0)
    got = logits(axial, q, k, of_axes(PLACES, [7] * 5), of_axes(PLACES, [7] * 5))
    rotary = bound('rotary', width=8, layout='interleaved', theta=50.0)
    wanted = logits(rotary, q[..., :4], k[..., :4], PLACES, PLACES) + np.einsum(
        'BLHK,BMHK->BHLM', q[..., 4:], k[..., 4:]
    )
    np.testing.assert_allclose(got, wanted, rtol=0, atol=5e-6)


def test_sincos_2d_of_row_2_and_column_3():
    """D = 8, theta = 10,000: frequencies 1 and 1/100 for each coordinate."""
    got = bound('sincos_2d', width=8).embed(jnp.zeros((1, 1, 8)), jnp.asarray([[[2, 3]]]))[0, 0]
    wanted = [*np.sin([2, 0.02]), *np.cos([2, 0.02]), *np.sin([3, 0.03]), *np.cos([3, 0.03])]
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-6)


def test_sections_of_qwen2_vl():
    """`mrope_section` (16, 24, 24) of 64 pairs in a row (transformers 5.23, models/qwen2_vl)."""
    owners = mrope.owners(64, (16, 24, 24), False)
    np.testing.assert_array_equal(owners, [0] * 16 + [1] * 24 + [2] * 24)
    np.testing.assert_array_equal(mrope.owners(16, (16, 24, 24), False), [0] * 4 + [1] * 6 + [2] * 6)


def test_sections_of_qwen3_vl():
    """`apply_interleaved_mrope`: THWTHW...TTTT for sections (24, 20, 20) (transformers 5.23, models/qwen3_vl)."""
    np.testing.assert_array_equal(mrope.owners(64, (24, 20, 20), True), [0, 1, 2] * 20 + [0] * 4)


@pytest.mark.parametrize('pairs', [4, 8, 11, 24, 48])
@pytest.mark.parametrize(
    'sections, interleaved',
    [((16, 24, 24), False), ((1, 0, 0), False), ((24, 20, 20), True), ((11, 11, 10), True), ((1, 0, 0), True)],
)
def test_sections_keep_their_shares_in_heads_of_any_width(pairs, sections, interleaved):
    owners = mrope.owners(pairs, sections, interleaved)
    counts = [(owners == axis).sum() for axis in range(3)]
    assert sum(counts) == pairs
    np.testing.assert_allclose(counts, pairs * np.array(sections) / sum(sections), rtol=0, atol=1.0)


def test_pairs_that_a_head_does_not_have_stay_with_the_first_coordinate():
    """`slice(1, 3 * 24, 3)` of 64 pairs ends at 61."""
    owners = mrope.owners(64, (16, 24, 24), True)
    assert [(owners == axis).sum() for axis in range(3)] == [22, 21, 21]


def test_sections_of_nothing_are_an_error():
    with pytest.raises(ValueError, match=r'sections=\(0, 0, 0\), wanted three'):
        mrope.owners(8, (0, 0, 0), False)


@pytest.mark.parametrize('options', [{}, dict(interleaved=True, sections=(24, 20, 20))])
def test_mrope_of_three_equal_coordinates_is_rotary(options):
    q, k = draw(1, 5, 2, 16), draw(1, 5, 2, 16, seed=1)
    pos = of_axes(PLACES, PLACES, PLACES)
    wanted = logits(bound('rotary', width=32, theta=1e6), q, k, PLACES, PLACES)
    got = logits(bound('mrope', width=32, **options), q, k, pos, pos)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=5e-6)


# Learned frequencies


def test_mixed_frequencies_start_with_axial_lengths_in_two_directions_a_head():
    """`init_2d_freqs` of rope-vit: K = 8, theta = 10: lengths 1 and 10^-0.5, twice, at right angles."""
    x, y = np.asarray(bound('rope_mixed', seed=3).frequencies_AHC)
    np.testing.assert_allclose(np.hypot(x, y), [[1, 10**-0.5] * 2] * 2, rtol=1e-6)
    np.testing.assert_allclose(x[:, :2] * x[:, 2:] + y[:, :2] * y[:, 2:], 0, atol=1e-6)
    angles = np.arctan2(y[:, :2], x[:, :2])
    np.testing.assert_allclose(angles[:, 0], angles[:, 1], atol=1e-6)
    assert abs(angles[0, 0] - angles[1, 0]) > 1e-2, 'a direction for each head'


def test_mixed_frequencies_along_the_axes_are_axial():
    q, k = draw(1, 5, 2, 8), draw(1, 5, 2, 8, seed=1)
    pos = of_axes(PLACES, PLACES[::-1])
    frequencies = np.array([[1, 0.1, 0, 0], [0, 0, 1, 0.1]], np.float32)[:, None].repeat(2, axis=1)
    mixed = bound('rope_mixed', params={'frequencies': jnp.asarray(frequencies)})
    np.testing.assert_allclose(
        logits(mixed, q, k, pos, pos), logits(bound('rope_axial'), q, k, pos, pos), rtol=0, atol=3e-6
    )


@pytest.mark.parametrize('length', [1, 4, 5])
def test_learned_waves_are_cosine_and_sine(length):
    angles = draw(2, length, 3, 4)
    got = with_gradients(lambda angles: jnp.stack(rotation.learned_waves(angles)), angles)
    same(got, with_gradients(lambda angles: jnp.stack([jnp.cos(angles), jnp.sin(angles)]), angles))


@pytest.mark.parametrize('per_head', [False, True])
def test_grape_m_starts_as_rotary(per_head):
    q, k = draw(1, 5, 2, 8), draw(1, 5, 2, 8, seed=1)
    grape = bound('grape_m', seed=0, per_head=per_head)
    wanted = logits(bound('rotary'), q, k, PLACES, PLACES)
    np.testing.assert_array_equal(logits(grape, q, k, PLACES, PLACES), wanted)


def test_grape_m_that_learned_frequencies_twice_as_high_sees_twice_the_distance():
    q, k = draw(1, 5, 2, 8), draw(1, 5, 2, 8, seed=1)
    grape = bound('grape_m', params={'log_frequency': jnp.full((1, 4), 16 * np.log(2.0))})
    wanted = logits(bound('rotary'), q, k, 2 * np.array(PLACES), 2 * np.array(PLACES))
    np.testing.assert_allclose(logits(grape, q, k, PLACES, PLACES), wanted, rtol=0, atol=5e-6)


# Angles from content


def turned(encoding, x_BLD, q_BLHK, segments=None):
    """Rotated queries of one layer."""
    order = attention.sequence_order(x_BLD.shape[1], segments)
    pos = jnp.zeros((1, x_BLD.shape[1]), jnp.int32)
    aux = encoding.accumulate(encoding.aux(jnp.asarray(x_BLD), pos), pos, order)
    return np.asarray(encoding.rotate(jnp.asarray(q_BLHK), pos, 'query', aux))


@pytest.mark.parametrize(
    'options, step',
    [
        pytest.param({}, 1 / (1 + np.expm1(1e-3) ** (-1 / 16)), id='sigmoid of the bias of a softplus'),
        pytest.param(dict(gate='softplus', gate_scale=1.0), 1e-3, id='softplus'),
    ],
)
def test_contextual_grape_m_starts_as_rotary_at_equal_steps(options, step):
    """sigmoid(b / 16) is 0.394 for b = ln(e^0.001 - 1) (`grape_ctx_init_omega`, `grape_ctx_omega_scale` = 16)."""
    x, q = draw(1, 6, 16), draw(1, 6, 2, 8, seed=1)
    grape = bound('grape_m_contextual', seed=0, **options)
    # Positions 0, 1, 2, ... of a spectrum that is `step` times as fast.
    cos_sin = (f(step * np.arange(6)[:, None] * 1e4 ** (-np.arange(4) / 4))[None, :, None] for f in (np.cos, np.sin))
    np.testing.assert_allclose(turned(grape, x, q), rotation.turn(q, *cos_sin), rtol=0, atol=2e-6)


def test_contextual_grape_m_does_not_step_over_the_token_itself():
    """The sum is over the tokens before: the first one of a document is never turned, the second by one gate."""
    x, q = draw(1, 4, 16), draw(1, 4, 2, 8, seed=1)
    params = {'weight': draw(16, 1, seed=2), 'bias': np.zeros(1), 'log_frequency': np.zeros(4)}
    grape = bound('grape_m_contextual', gate_scale=1.0, params=jax.tree.map(jnp.asarray, params))
    got = turned(grape, x, q, np.array([[0, 0, 1, 1]]))
    np.testing.assert_array_equal(got[:, [0, 2]], q[:, [0, 2]])
    gate = 1 / (1 + np.exp(-x[0, 0] @ params['weight']))
    angle = gate * 1e4 ** (-np.arange(4) / 4)
    wanted = rotation.turn(q[:, 1:2], np.cos(angle)[None, None, None], np.sin(angle)[None, None, None])
    np.testing.assert_allclose(got[:, 1:2], wanted, rtol=0, atol=1e-6)


def test_selective_rope_of_equal_tokens_is_rotary_beyond_its_kernel():
    """Equal tokens add equal angles once all four taps are filled."""
    x, q = np.tile(draw(1, 1, 16), (1, 12, 1)), np.tile(draw(1, 1, 2, 8, seed=1), (1, 12, 1, 1))
    got = turned(bound('selective_rope', seed=0), x, q)
    a, b = got[0, :, 0, 0], got[0, :, 0, 4]
    angle = np.unwrap(np.angle(a + 1j * b))
    steps = np.diff(angle)
    np.testing.assert_allclose(steps[3:], steps[3], rtol=0, atol=1e-5)
    assert abs(steps[3] - steps[0]) > 1e-4


def test_repo_of_equal_tokens_turns_nothing():
    """Equal content is one position: what is left is the product of query and key."""
    x, q, k = np.tile(draw(1, 1, 16), (1, 5, 1)), draw(1, 5, 2, 8, seed=1), draw(1, 5, 2, 8, seed=2)
    repo = bound('repo', seed=0)
    got = np.einsum('BLHK,BMHK->BHLM', turned(repo, x, q), turned(repo, x, k))
    np.testing.assert_allclose(got, np.einsum('BLHK,BMHK->BHLM', q, k), rtol=0, atol=1e-5)
    assert np.abs(turned(repo, draw(1, 5, 16), q) - q).max() > 0.1


# Rotations of blocks


def test_exponential_of_a_rotation_of_two_channels():
    angles = np.array([0.0, 1e-6, 0.3, -2.0, 50.0], np.float32)
    change = skew.exponential(jnp.asarray(np.array([[0 * angles, -angles], [angles, 0 * angles]])))
    half = np.sin(angles.astype(np.float64) / 2)
    wanted = np.array([[-2 * half**2, -np.sin(angles)], [np.sin(angles), -2 * half**2]])
    np.testing.assert_allclose(change, wanted, rtol=0, atol=1e-5)
    # cos(1e-6) - 1 is lost beside 1.
    np.testing.assert_allclose(change[0, 0, 1], -5e-13, rtol=1e-5)


def test_exponential_and_its_gradient_are_those_of_scipy():
    a = draw(6, 6, 3)
    a = a - np.swapaxes(a, 0, 1)
    heard = draw(6, 6, 3, seed=1)

    def of_scipy(a):
        change = jnp.moveaxis(jax.scipy.linalg.expm(jnp.moveaxis(a, -1, 0)), 0, -1) - np.eye(6)[..., None]
        return jnp.vdot(change, heard)

    got = jax.value_and_grad(lambda a: jnp.vdot(skew.exponential(a), heard))(jnp.asarray(a))
    wanted = jax.value_and_grad(of_scipy)(jnp.asarray(a))
    for x, y in zip(got, wanted):
        np.testing.assert_allclose(x, y, rtol=0, atol=1e-4)


def test_liere_keeps_lengths_however_far_out():
    q = draw(1, 3, 2, 8)
    pos = jnp.asarray([[[0, 0], [3, 700], [5000, 9000]]], jnp.int32)
    liere = bound('liere', seed=0)
    got = liere.rotate(jnp.asarray(q), pos, 'query', liere.accumulate(None, pos, None))
    np.testing.assert_allclose(np.linalg.norm(got, axis=-1), np.linalg.norm(q, axis=-1), rtol=1e-3)
    np.testing.assert_array_equal(got[:, 0], q[:, 0])


def test_liere_of_blocks_of_two_is_mixed_rope():
    q, k = draw(1, 5, 2, 8), draw(1, 5, 2, 8, seed=1)
    pos, upper = of_axes(PLACES, PLACES[::-1]), draw(2, 2, 4, 1, seed=2)
    liere = bound('liere', block=2, extent=4.0, params={'upper': jnp.asarray(upper)})
    # A positive angle above the diagonal turns backwards.
    mixed = bound('rope_mixed', params={'frequencies': jnp.asarray(-upper[..., 0] / 4)})
    np.testing.assert_allclose(logits(liere, q, k, pos, pos), logits(mixed, q, k, pos, pos), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    'name, options, relative',
    [
        ('liere', dict(block=8), False),
        ('liere', dict(block=2), True),
        ('comrope', dict(kind='ld'), True),
        ('comrope', dict(kind='ap', block=4), True),
    ],
)
def test_rotations_are_relative_exactly_where_their_generators_commute(name, options, relative):
    q, k = draw(1, 5, 2, 8), draw(1, 5, 2, 8, seed=1)
    pos, encoding = of_axes(PLACES, PLACES[::-1]), bound(name, seed=0, **options)
    shifted = pos + np.array([5, 9])
    moved = np.abs(logits(encoding, q, k, shifted, shifted) - logits(encoding, q, k, pos, pos)).max()
    assert (moved < 2e-5) if relative else (moved > 0.1)


def test_the_axial_partition_of_comrope_in_blocks_of_two_is_axial_rope_in_another_order():
    """Blocks belong to row and column in turn; F of one angle w is [[0, 0], [w, 0]]."""
    q, k = draw(1, 5, 2, 8), draw(1, 5, 2, 8, seed=1)
    pos, angles = of_axes(PLACES, PLACES[::-1]), np.zeros((2, 4, 2, 2), np.float32)
    angles[:, :, 1, 0] = [1, 1, 0.1, 0.1]
    comrope = bound('comrope', kind='ap', block=2, extent=1.0, params={'angles': jnp.asarray(angles)})
    order = [0, 1, 4, 5, 2, 3, 6, 7]
    wanted = logits(bound('rope_axial'), q[..., order], k[..., order], pos, pos)
    np.testing.assert_allclose(logits(comrope, q, k, pos, pos), wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize('name, options', [('liere', dict(block=3)), ('comrope', dict(block=6))])
def test_blocks_that_do_not_fill_a_head_are_an_error(name, options):
    with pytest.raises(ValueError, match='head width of 8, wanted a multiple'):
        bound(name, seed=0, **options)


def test_an_axial_partition_of_one_block_is_an_error():
    with pytest.raises(ValueError, match='1 blocks of 8 channels, wanted an even number'):
        bound('comrope', seed=0, kind='ap')


def test_a_late_position_a_million_further_on_leaves_earlier_ones_of_xpos_alone():
    """All positions of a block of queries have one origin, which the last ones may not move."""
    bound = encodings.build('xpos').sized(16, 2)
    q_BLHK, k_BLHK = np.random.default_rng(0).normal(size=(2, 1, 6, 2, 8)).astype(np.float32)
    near = np.array([[0, 1, 700, 701, 702, 703]], np.int32)
    far = near + 1_000_000 * (near > 701)
    wanted, got = (bound.product(base.Block(q_BLHK, k_BLHK, pos, pos), None)[0] for pos in (near, far))
    np.testing.assert_array_equal(got[..., :4, :4], wanted[..., :4, :4])
    # What lies a million places back has faded.
    assert np.abs(got[..., 4:, :4]).max() < 1e-15
