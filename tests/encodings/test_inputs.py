"""What is done to token vectors where they enter: values that a hand can compute, and what they reduce to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.models import attention
from tests.encodings import small


def bound(name, params=None, width=4, **options):
    encoding = encodings.build(name, **options).sized(width=width, heads=2)
    return encoding.with_params(params or {})


def draw(*shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def sequence(*pos):
    return jnp.asarray([pos], jnp.int32)


def test_linear_position_adds_its_vector_once_to_token_number_unit():
    direction = jnp.asarray([1.0, -2.0, 0.0, 4.0])
    got = bound('linear_position', {'direction': direction}, unit=8.0).embed(jnp.ones((1, 3, 4)), sequence(-1, 7, 11))
    np.testing.assert_array_equal(got[0], [[1, 1, 1, 1], [2, -1, 1, 5], [2.5, -2, 1, 7]])


@pytest.mark.parametrize('name', ['multiply', 'concatenate'])
@pytest.mark.parametrize('over', ['rotary', 'fox'])  # A parameter of each layer: there is none below the first.
def test_an_operator_on_vectors_wants_an_encoding_that_has_them(name, over):
    encoding = encodings.build(name, over=over).sized(width=4, heads=2)
    encoding = encoding.with_params(encoding.init_params(jax.random.key(0)))
    with pytest.raises(
        ValueError, match=f"{name}: got over='{over}', which adds nothing to tokens; wanted one that does"
    ):
        encoding.embed(jnp.ones((1, 3, 4)), sequence(0, 1, 2))


def test_multiplying_by_a_table():
    over, table = dict(name='learned', max_length=2), {'over': {'table': jnp.asarray([[0.0, 1, 2, 3], [4, 5, 6, 7]])}}
    x = jnp.full((1, 2, 4), 10.0)
    got = bound('multiply', table, over=over).embed(x, sequence(1, 0))
    np.testing.assert_array_equal(got[0], [[50, 60, 70, 80], [10, 20, 30, 40]])
    got = bound('multiply', table, over=over, one_plus=False).embed(x, sequence(1, 0))
    np.testing.assert_array_equal(got[0], [[40, 50, 60, 70], [0, 10, 20, 30]])


def test_concatenation_with_one_projection_for_both_is_a_sum():
    twice = {'projection': jnp.concatenate([jnp.eye(8), jnp.eye(8)])}
    x, pos = draw(2, 5, 8), sequence(0, 1, 5, 9, 100)
    got = bound('concatenate', twice, width=8).embed(x, pos)
    np.testing.assert_allclose(got, bound('sinusoidal', width=8).embed(x, pos), rtol=0, atol=1e-6)


def test_a_complex_vector_turns_and_keeps_its_length():
    """omega = 1, 0.01: (1, 0) at position p becomes (cos p, sin p), channel 0 and its imaginary part in channel 2."""
    x = jnp.asarray([[[1.0, 0.0, 0.0, 2.0]]])
    got = bound('complex_embedding', trained=False).embed(x, sequence(2))[0, 0]
    np.testing.assert_allclose(got, [-0.41614684, -2 * 0.01999867, 0.90929743, 2 * 0.99980001], rtol=0, atol=1e-6)


def test_untrained_complex_vectors_are_rotary_queries_of_one_head():
    x, pos = draw(2, 5, 8), sequence(0, 1, 5, 9, 100)
    got = bound('complex_embedding', width=8, trained=False).embed(x, pos)
    rotary = encodings.build('rotary').sized(width=8, heads=1).with_params({})
    np.testing.assert_allclose(got, rotary.rotate(x[:, :, None], pos, 'query')[:, :, 0], rtol=0, atol=1e-5)


def test_any_frequency_keeps_its_phase_at_position_4000():
    """A float32 product of 4000 and 1.29 radians would be off by up to 2e-4, and by 1e-4 were 1.29 a float32."""
    omega = 0.6**-0.5
    turned = bound('complex_embedding', theta=0.6, trained=False).embed(jnp.asarray([[[0.0, 1, 0, 0]]]), sequence(4000))
    wanted = [0, np.cos(4000 * omega), 0, np.sin(4000 * omega)]
    np.testing.assert_allclose(turned[0, 0], wanted, rtol=0, atol=2e-6)


def flow(first=0.0, second=0.0, second_bias=0.0, start=1.0):
    """W1 is `first` times the identity, W2 `second` times, b2 `second_bias`; time is not heard. D = 4: twice D^-1/2."""
    eye = 2 * jnp.concatenate([jnp.eye(4), jnp.zeros((1, 4))])
    return {
        'start': jnp.full((4,), start),
        'first': first * eye,
        'first_bias': jnp.zeros(4),
        'second': second * eye,
        'second_bias': jnp.full((4,), second_bias),
    }


def flowing(params, pos, **options):
    """Channel 0 of the position vectors."""
    encoding = bound('floater', params, max_length=24, sinusoid=False, **options)
    return encoding.embed(jnp.zeros((1, len(pos), 4)), sequence(*pos))[0, :, 0]


def test_a_flow_of_constant_speed_is_a_line():
    np.testing.assert_allclose(flowing(flow(second_bias=2.0), (0, 5, 7)), [1, 1.1, 1.14], rtol=0, atol=1e-6)


def test_a_flow_that_grows_with_itself_is_an_exponential():
    """p' = p from 1: e^(0.1 n), to the fourth order of Runge-Kutta: 0.1^5 / 120 = 8e-8 a step."""
    got = flowing(flow(first=1.0, second=1.0), (10, 20), interval=0.1)
    np.testing.assert_allclose(got, np.exp([1, 2]), rtol=3e-6)


def test_a_flow_of_time_alone_is_a_parabola():
    """p' = t: 1 + t^2 / 2, for which Runge-Kutta is exact."""
    params = flow()
    params['second'] = params['second'].at[4].set(2.0)
    np.testing.assert_allclose(flowing(params, (2, 20), interval=0.5), [1.5, 51], rtol=1e-6)


def test_a_flow_that_stands_still_is_a_sinusoid():
    x, pos = draw(1, 3, 4), sequence(0, 2, 7)
    still = bound('floater', flow(start=0.0), max_length=8).embed(x, pos)
    sinusoid = bound('sinusoidal', layout='concat', frequencies='tensor2tensor').embed(x, pos)
    np.testing.assert_allclose(still, sinusoid, rtol=0, atol=1e-6)


def test_floater_in_every_block_adds_what_it_adds_at_the_input():
    x, pos, order = draw(1, 3, 4), sequence(0, 2, 7), attention.sequence_order(3)
    params = flow(first=1.0, second=0.5)
    input_only, blocks = (
        bound('floater', params, max_length=8, sinusoid=False, where=where) for where in ('input', 'blocks')
    )
    np.testing.assert_array_equal(blocks.embed(x, pos), x)
    np.testing.assert_array_equal(input_only.enter(x, x, pos, order, order, jnp.int32(3)), x)
    entered = blocks.enter(x, x, pos, order, order, jnp.int32(3))
    np.testing.assert_allclose(entered, input_only.embed(x, pos), rtol=0, atol=1e-6)
    assert not blocks.has('embed') and blocks.has('enter') and not input_only.has('enter')


def test_a_sum_of_the_last_three_tokens():
    """W_n = 1 for three places: gelu(1), gelu(3), gelu(6), gelu(9) of tokens 1, 2, 3, 4."""
    params = {'kernel': jnp.ones((3, 4, 1, 1)), 'bias': jnp.zeros(4)}
    h = jnp.broadcast_to(jnp.arange(1.0, 5.0)[None, :, None], (1, 4, 4))
    order = attention.sequence_order(4)
    conv = bound('conv_position', params, kernel=3, groups=4)
    got = conv.enter(h, h, sequence(0, 0, 0, 0), order, order, jnp.int32(0))
    wanted = np.add([1, 2, 3, 4], [0.84134475, 2.99595031, 6.0, 9.0])
    np.testing.assert_allclose(got[0, :, 0], wanted, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(conv.enter(h, h, sequence(0, 0, 0, 0), order, order, jnp.int32(1)), h)


def test_groups_fall_to_what_divides_the_width():
    assert encodings.build('conv_position').sized(20, 4).init_params(jax.random.key(0))['kernel'].shape == (
        128,
        4,
        5,
        5,
    )


def test_a_window_of_a_grid_in_reading_order():
    """Ones as weights on a grid of 3 columns: each place adds what the window has of the places before, and itself."""
    grid = jnp.asarray([[1.0, 2, 3], [10, 20, 30], [100, 200, 300]]).reshape(1, 9, 1)
    encoding = encodings.build('cpvt', columns=3).sized(width=2, heads=1)
    params = {'kernel': jnp.ones((5, 2)), 'bias': jnp.zeros(2)}
    order, h = attention.sequence_order(9), jnp.repeat(grid, 2, axis=2)
    got = encoding.with_params(params).enter(h, h, jnp.zeros((1, 9), jnp.int32), order, order, jnp.int32(0)) - h
    wanted = [[1, 3, 5], [13, 36, 55], [130, 360, 550]]
    np.testing.assert_allclose(got[0, :, 0].reshape(3, 3), wanted, rtol=1e-6)


@pytest.mark.parametrize('name', ['conv_position', 'cpvt'])
def test_convolutions_start_anew_with_each_document(name):
    encoding = encodings.build(name).sized(width=8, heads=2)
    params = jax.tree.map(lambda leaf: draw(*leaf.shape), encoding.init_params(jax.random.key(0)))
    h, pos = draw(1, 7, 8, seed=1), jnp.zeros((1, 7), jnp.int32)

    def entered(h, segments):
        order = attention.sequence_order(h.shape[1], jnp.asarray([segments]))
        return encoding.with_params(params).enter(h, h, pos[:, : h.shape[1]], order, order, jnp.int32(0))

    both = entered(h, [4, 4, 4, 2, 2, 2, -1])
    np.testing.assert_allclose(both[:, 3:6], entered(h[:, 3:6], [0, 0, 0]), rtol=0, atol=1e-5)
    alone = entered(h[:, :6], [0] * 6)
    assert np.abs(both[:, 3:6] - alone[:, 3:6]).max() > 0.1


def test_peg_after_the_first_block_is_not_heard_in_a_model_of_one_layer():
    tokens, pos = small.tokens(), small.positions()
    one, two = (small.model(encodings.build('cpvt', layer=1), layers=layers) for layers in (1, 2))
    plain = [small.model(encodings.build('none'), layers=layers) for layers in (1, 2)]
    np.testing.assert_array_equal(small.logits(one, tokens, pos), small.logits(plain[0], tokens, pos))
    assert np.abs(small.logits(two, tokens, pos) - small.logits(plain[1], tokens, pos)).max() > 0.01
