"""The scaled and clipped rotary embeddings: published spectra, what they are equal to, and lengths."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.encodings import rotary_longrope, rotary_ntk_dynamic
from posbench.encodings.parts import spectra
from posbench.models import attention
from tests.encodings import compare, contract, small

LLAMA_3 = dict(theta=500_000.0, width=128)
# The variants whose frequencies depend on the length, trained on fewer tokens than the suite has.
BY_LENGTH = {name: encodings.build(name, original_length=16) for name in ('rotary_ntk_dynamic', 'rotary_longrope')}


def bound(name, width=32, heads=2, **options):
    encoding = encodings.build(name, **options).sized(width, heads)
    return encoding.with_params(encoding.init_params(jax.random.key(0)))


def turned(name, pos=(0, 3, 90, 700), lengths=None, **options):
    """The same random vectors after the rotation of one encoding, two heads of width 16."""
    x = np.random.default_rng(0).normal(size=(1, len(pos), 2, 16)).astype(np.float32)
    return np.asarray(bound(name, **options).rotate(x, jnp.asarray([pos], jnp.int32), 'key', lengths))


@pytest.mark.parametrize(
    'name, options',
    [
        ('rotary', dict(fraction=1.0)),
        ('rotary_linear', dict(factor=1.0)),
        ('rotary_ntk', dict(factor=1.0)),
        ('rotary_ntk_dynamic', dict()),
        ('rotary_yarn', dict(factor=1.0)),
        ('rotary_yarn', dict(factor=1.0, ramp='turns')),
        ('rotary_longrope', dict(factor=1.0, short=(1.0,), long=(1.0,))),
        ('rotary_llama3', dict(factor=1.0, theta=10_000.0)),
        ('rotary_p', dict(kept=1.0)),
        ('rotary_hope_hf', dict(original_length=10**6)),
        ('rotary_clip', dict(slowest=0)),
        ('rotary_clip', dict(slowest=0, window='hard')),
        ('rotary_fope', dict(sigma=0.0, original_length=10**6)),
    ],
    ids=str,
)
def test_is_plain_rotary_when_nothing_is_scaled(name, options):
    np.testing.assert_allclose(turned(name, **options), turned('rotary'), rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    'name, options', [('rotary_p', dict(kept=0.0)), ('rotary_clip', dict(slowest=8, window='hard'))]
)
def test_is_no_encoding_when_no_pair_turns(name, options):
    np.testing.assert_array_equal(turned(name, **options), turned('rotary', pos=(0, 0, 0, 0)))


def test_hope_is_the_hard_clip_of_every_pair_without_a_full_turn():
    np.testing.assert_array_equal(turned('rotary_hope_hf'), turned('rotary_clip', window='hard'))


def test_fope_without_mixing_is_hope():
    np.testing.assert_allclose(turned('rotary_fope', sigma=0.0), turned('rotary_hope_hf'), rtol=0, atol=1e-6)


def test_rope_id_is_a_partial_rotation_with_a_small_base():
    """Of 8 pairs, 4 turn, from 1 to 2 pi / 128: the base of a head of 8 channels is (128 / 2 pi)^(4/3)."""
    wanted = spectra.geometric((128 / (2 * math.pi)) ** (4 / 3), 8)
    np.testing.assert_allclose(spectra.in_distribution(16, 128), [*wanted, 0, 0, 0, 0], rtol=1e-12)


@pytest.mark.parametrize('name', [name for name in encodings.names() if name.split('_')[0] == 'rotary'])
def test_the_two_layouts_are_one_permutation_of_channels_apart(name):
    """c and c + 8 of the one are 2c and 2c + 1 of the other."""
    order = [*range(0, 16, 2), *range(1, 16, 2)]
    x = np.random.default_rng(0).normal(size=(1, 4, 2, 16)).astype(np.float32)
    pos, lengths = jnp.asarray([[0, 3, 90, 700]]), jnp.full((1, 4), 701)
    half = bound(name, layout='half').rotate(x[..., order], pos, 'query', lengths)
    interleaved = bound(name, layout='interleaved').rotate(x, pos, 'query', lengths)
    np.testing.assert_allclose(half, interleaved[..., order], rtol=0, atol=1e-6)


def test_a_part_of_the_channels_is_turned_as_a_head_of_that_width():
    """GPT-J turns the first 64 of 256 channels, with exponents over 64; here 4 of 16."""
    x = np.random.default_rng(0).normal(size=(1, 2, 2, 16)).astype(np.float32)
    pos = jnp.asarray([[5, 70]])
    got = bound('rotary', fraction=0.25).rotate(x, pos, 'query')
    np.testing.assert_array_equal(got[..., 4:], x[..., 4:])
    np.testing.assert_allclose(got[..., :4], bound('rotary', width=8).rotate(x[..., :4], pos, 'query'), atol=1e-6)
    with pytest.raises(ValueError, match=r'fraction=0\.1 of 16 channels'):
        bound('rotary', fraction=0.1).rotate(x, pos, 'query')


def test_the_first_and_the_last_pair_of_ntk_scaling():
    """The aim of bloc97's rule: nothing changes for the fastest pair, the slowest is interpolated by all of s."""
    plain, scaled = spectra.geometric(10_000.0, 128), spectra.ntk(10_000.0, 128, 8.0)
    np.testing.assert_allclose(scaled[[0, -1]] / plain[[0, -1]], [1.0, 1 / 8], rtol=1e-12)
    # 10000 * 8^(128/126), the base that bloc97's notebook prints for alpha = 8.
    np.testing.assert_allclose(scaled, spectra.geometric(82_684.0, 128), rtol=1e-5)


def test_yarn_ramps_from_pair_20_to_pair_46_for_llama_2_at_16_times_its_length():
    """d = 128, L = 4096: 128 ln(4096 / 64 pi) / (2 ln 10^4) = 20.9, 128 ln(4096 / 2 pi) / (2 ln 10^4) = 45.03."""
    omega, m = spectra.yarn(10_000.0, 128, 16.0, 4096)
    ratio = omega / spectra.geometric(10_000.0, 128)
    np.testing.assert_allclose(ratio[:21], 1.0, rtol=1e-12)
    np.testing.assert_allclose(ratio[46:], 1 / 16, rtol=1e-12)
    np.testing.assert_allclose(ratio[33], (1 + 1 / 16) / 2, rtol=1e-12)
    # Section 3.4: 0.1 ln 16 + 1.
    assert m == pytest.approx(1.2772589, rel=1e-7)


def test_the_ramp_of_yarn_may_end_beyond_the_last_pair():
    """d = 64, L = 131072: from pair 22 to pair 35 of only 32. Held at 31 it would divide the last pair by all of s."""
    omega, _ = spectra.yarn(10_000.0, 64, 8.0, 131_072)
    share = 9 / 13
    assert omega[31] / spectra.geometric(10_000.0, 64)[31] == pytest.approx(share / 8 + 1 - share, rel=1e-12)


def test_the_two_ramps_of_yarn_differ():
    """That of the paper is Llama 3's with other limits."""
    by_turns = turned('rotary_yarn', ramp='turns', attention_factor=1.0)
    llama = turned('rotary_llama3', theta=10_000.0, low_turns=1.0, high_turns=32.0)
    np.testing.assert_array_equal(by_turns, llama)
    assert np.abs(by_turns - turned('rotary_yarn', attention_factor=1.0)).max() > 0.1


def test_the_factor_of_deepseek():
    """DeepSeek-V3 has mscale = mscale_all_dim = 1, so that its rotation is not scaled at all."""
    assert encodings.build('rotary_yarn', factor=40.0, mscale=1.0, mscale_all_dim=1.0).attention() == 1.0
    # (0.1 ln 40 + 1) / (0.05 ln 40 + 1) = 1.3688879 / 1.184444.
    half = encodings.build('rotary_yarn', factor=40.0, mscale=1.0, mscale_all_dim=0.5)
    assert half.attention() == pytest.approx(1.1557226, rel=1e-6)
    with pytest.raises(ValueError, match='both or neither'):
        encodings.build('rotary_yarn', mscale=1.0).attention()


def test_logits_grow_with_the_square_of_the_factor_of_yarn():
    plain, scaled = turned('rotary_yarn', attention_factor=1.0), turned('rotary_yarn')
    np.testing.assert_allclose(scaled, (0.1 * math.log(8) + 1) * plain, rtol=1e-5, atol=1e-6)


def test_the_frequencies_of_llama_3_1():
    """Pair 32 of 64: omega = 500000^(-1/2) turns 1.8438 times in 8192 tokens; 0.28128 of it stays, 0.71872 / 8."""
    omega, plain = spectra.llama3(**LLAMA_3, factor=8.0, original_length=8192), spectra.geometric(**LLAMA_3)
    np.testing.assert_allclose(omega[32], 5.2484e-4, rtol=2e-5)
    turns = 8192 * plain / (2 * math.pi)
    np.testing.assert_array_equal(omega[turns > 4], plain[turns > 4])
    np.testing.assert_array_equal(omega[turns < 1], plain[turns < 1] / 8)
    with pytest.raises(ValueError, match='low_turns=4'):
        spectra.llama3(**LLAMA_3, factor=8.0, original_length=8192, low_turns=4.0)


def test_the_attention_factor_of_phi_3():
    """128K from 4K: sqrt(1 + ln 32 / ln 4096) = 1.1902381, as in the modelling code of Phi-3-mini-128k."""
    assert spectra.longrope(10_000.0, 96, (1.0,), 32.0, 4096)[1] == pytest.approx(1.1902381, rel=1e-7)


@pytest.mark.parametrize(
    'table, wanted',
    [((3.0,), [3, 3, 3, 3, 3]), ((1.0, 9.0), [1, 3, 5, 7, 9]), ((1.0, 2.0, 6.0), [1, 1.5, 2, 4, 6])],
)
def test_a_table_of_another_size_is_stretched_over_the_pairs(table, wanted):
    np.testing.assert_allclose(spectra.table_of_pairs(table, 5), wanted, rtol=1e-12)


def test_a_table_of_the_right_size_is_taken_as_it_is():
    omega, _ = spectra.longrope(10_000.0, 8, (1.0, 5.0, 2.0, 7.0), 4.0, 128)
    np.testing.assert_allclose(omega, [1, 0.02, 0.005, 0.001 / 7], rtol=1e-12)


def test_p_rope_keeps_the_fastest_pairs():
    """Gemma 4: a quarter of 256 channels, so 32 pairs, with the exponents of the whole head."""
    omega = spectra.proportional(1e6, 256, 0.25)
    np.testing.assert_allclose(omega[:32], 1e6 ** (-np.arange(32) / 128), rtol=1e-12)
    np.testing.assert_array_equal(omega[32:], 0)


def test_pairs_without_a_full_turn_in_training():
    """Periods 2 pi, 20 pi, 200 pi, 2000 pi against 128 tokens; 29 of Llama 3's 64 are longer than 8192."""
    np.testing.assert_allclose(spectra.hope_hf(10_000.0, 8, 128), [1, 0.1, 0, 0], rtol=1e-12)
    np.testing.assert_allclose(spectra.fourier(10_000.0, 8, 128), [1, 0.1], rtol=1e-12)
    assert spectra.slow_pairs(spectra.geometric(**LLAMA_3), 8192) == 29
    # 10000^(-c/32) > 2 pi / 512 for c up to 15: half of a head of 64 channels, as in the paper's models.
    assert len(spectra.fourier(10_000.0, 64, 512)) == 16


def test_the_window_of_clipped_rope():
    """Five of eight pairs: (1 + cos) / 2 at 0, 45, 90, 135 and 180 degrees."""
    window = spectra.clipped(10_000.0, 16, 5) / spectra.geometric(10_000.0, 16)
    np.testing.assert_allclose(window, [1, 1, 1, 1, 0.8535534, 0.5, 0.1464466, 0], rtol=0, atol=1e-7)
    hard = spectra.clipped(10_000.0, 16, 5, 'hard') / spectra.geometric(10_000.0, 16)
    np.testing.assert_array_equal(hard, [1, 1, 1, 0, 0, 0, 0, 0])


def test_padding_as_in_the_code_of_fope_doubles_what_slow_pairs_add():
    """(a - b, b + a) is longer than (a, b) by sqrt 2; of 8 pairs 4 have periods of up to 512 tokens."""
    still, padded = (
        turned('rotary_fope', original_length=512),
        turned('rotary_fope', original_length=512, rest='padded'),
    )
    slow = [4, 5, 6, 7, 12, 13, 14, 15]
    np.testing.assert_allclose((padded[..., slow] ** 2).sum(), 2 * (still[..., slow] ** 2).sum(), rtol=1e-5)
    fast = [0, 1, 2, 3, 8, 9, 10, 11]
    np.testing.assert_array_equal(padded[..., fast], still[..., fast])


@pytest.mark.parametrize('theta', [10_000.0, 500_000.0])
@pytest.mark.parametrize('width', [2, 8, 32, 128])
def test_frequencies_by_length_are_good_to_one_in_a_million(width, theta):
    """They are made in float32, because the length is known to the device alone."""
    lengths = [1, 127, 128, 129, 200, 1024, 8192, 1_000_003]
    encoding = encodings.build('rotary_ntk_dynamic', theta=theta, factor=2.0)
    (got, *_), _ = jax.jit(lambda length: encoding.spectrum(width, length))(jnp.asarray([lengths]))
    wanted = [spectra.ntk_dynamic(theta, width, 2.0, 128, length) for length in lengths]
    np.testing.assert_allclose(got[0], wanted, rtol=1e-6)
    np.testing.assert_array_equal(got[0, :3], np.tile(spectra.geometric(theta, width).astype(np.float32), (3, 1)))


def test_the_length_is_that_of_the_segment_from_its_lowest_position():
    segments = jnp.asarray([[0, 0, 0, 1, 1, -1], [-1, -1, 2, 2, 2, 2]])
    pos = jnp.asarray([[0, 1, 2, 0, 1, 0], [0, 0, 4, 9, 5, 6]])
    got = rotary_ntk_dynamic.lengths(pos, attention.sequence_order(6, segments))
    np.testing.assert_array_equal(got[0, :5], [3, 3, 3, 2, 2])
    np.testing.assert_array_equal(got[1, 2:], [6, 6, 6, 6])
    shared = rotary_ntk_dynamic.lengths(pos[:1] - 40, attention.sequence_order(6))
    np.testing.assert_array_equal(shared, [[3, 3, 3, 3, 3, 3]])


@pytest.mark.parametrize('length, table', [(128, (1.0, 2.0)), (129, (3.0, 4.0))])
def test_the_table_for_long_sequences_begins_after_the_original_length(length, table):
    encoding = rotary_longrope.Encoding(short=(1.0, 2.0), long=(3.0, 4.0))
    (omega, *_), _ = encoding.spectrum(4, jnp.full((1, 1), length))
    np.testing.assert_allclose(omega[0, 0], [1 / table[0], 0.01 / table[1]], rtol=1e-6)


def test_before_its_original_length_dynamic_ntk_is_rotary():
    lengths = jnp.full((1, 4), 128)
    np.testing.assert_array_equal(turned('rotary_ntk_dynamic', lengths=lengths), turned('rotary'))
    longer = turned('rotary_ntk_dynamic', lengths=lengths + 128)
    # With factor 1 twice the length is NTK scaling by 2.
    np.testing.assert_allclose(longer, turned('rotary_ntk', factor=2.0), rtol=0, atol=1e-4)
    assert np.abs(longer - turned('rotary')).max() > 0.1


def test_these_alone_choose_their_spectrum_by_the_length():
    assert sorted(BY_LENGTH) == [name for name in encodings.names() if encodings.build(name).depends_on_length]


@pytest.mark.parametrize('name', BY_LENGTH)
def test_a_cache_is_what_reading_at_once_is_up_to_the_original_length_or_in_one_layer(name):
    """Past it higher layers keep what they made of a shorter text: promised by README as far as it is true."""
    tokens, pos = small.tokens(2), small.positions(2)
    ends = (16, 17, 24)
    apart = {}
    for layers in (1, 2):
        model = small.model(BY_LENGTH[name].clone(parent=None, factor=8.0), layers=layers)
        cache, read = model.empty_cache(2, small.LENGTH, pos), []
        for at in range(small.LENGTH):
            one = slice(at, at + 1)
            said, cache = small.step(model, small.params(model), tokens[:, one], pos[:, one], 0 * pos[:, one], cache)
            read.append(said[:, 0])
        for end in ends:
            at_once = small.logits(model, tokens[:, :end], pos[:, :end])[:, -1]
            apart[layers, end] = np.abs(read[end - 1] - at_once).max()
    assert all(apart[1, end] < compare.SAME for end in ends)
    # Its first token past there changes little.
    assert apart[2, 16] < compare.SAME < 10 * compare.SAME < apart[2, 17]
    assert apart[2, 24] > compare.DIFFERENT


@pytest.mark.parametrize('check', contract.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize('name', BY_LENGTH)
def test_the_contract_past_the_original_length(name, check, monkeypatch):
    """Trained on 16 tokens, in one layer: keys of higher layers are made of what lower ones saw at shorter lengths."""
    model = small.model
    monkeypatch.setattr(small, 'model', lambda encoding, **changes: model(encoding, **{'layers': 1, **changes}))
    check(BY_LENGTH[name])
