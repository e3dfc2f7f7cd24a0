"""A BiLSTM against its equations in float64, linen's own cell, its own mirror image, padding and packing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from posbench import encodings
from posbench.atlas import picture
from posbench.bodies import bilstm, decoder, encoder
from posbench.heads import classify, tag, tied
from posbench.inputs import tokens
from posbench.models import build
from tests import small_job, small_texts

WIDTH, HIDDEN, LENGTH, BATCH = 6, 5, 9, 3
WAYS = ('forward', 'backward')


def body(**fields):
    return bilstm.Body(**{**dict(width=WIDTH, hidden=HIDDEN, layers=2, encoding=encodings.build('none')), **fields})


def text(seed=0, length=LENGTH):
    return np.random.default_rng(seed).normal(size=(BATCH, length, WIDTH)).astype(np.float32)


def drawn(one, seed=1):
    """Parameters, biases among them, that are nothing like the first ones."""
    shapes = jax.eval_shape(one.init, jax.random.key(0), text(), None)
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: 0.7 * rng.normal(size=leaf.shape).astype(np.float32), shapes)


@jax.jit
def _said(variables, x_BLD, segment_ids_BL):
    return body().apply(variables, x_BLD, None, segment_ids_BL)[0]


def said(variables, x_BLD, segment_ids_BL=None):
    return np.asarray(_said(variables, x_BLD, segment_ids_BL))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def memory(params, x_LD):
    """The equations of posbench/models/lstm.py, one token and one gate after the other, in float64."""
    kernel, bias = (np.split(np.float64(params['input'][name]), 4, axis=-1) for name in ('kernel', 'bias'))
    recurrent = np.split(np.float64(params['recurrent']), 4, axis=-1)
    h, c, said = np.zeros(HIDDEN), np.zeros(HIDDEN), []
    for x in np.float64(x_LD):
        i, f, g, o = (x @ kernel[gate] + h @ recurrent[gate] + bias[gate] for gate in range(4))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        said.append(h)
    return np.array(said)


def oracle(params, x_LD):
    for layer in range(2):
        forward, backward = (params[f'layer_{layer}_{way}'] for way in WAYS)
        x_LD = np.concatenate([memory(forward, x_LD), memory(backward, x_LD[::-1])[::-1]], axis=1)
    return x_LD


def test_it_is_what_the_equations_say():
    variables, x_BLD = drawn(body()), text()
    for got_LD, x_LD in zip(said(variables, x_BLD), x_BLD):
        np.testing.assert_allclose(got_LD, oracle(variables['params'], x_LD), rtol=0, atol=2e-6)


def test_it_is_a_row_of_linens_own_cells():
    """With its default `carry_init`, `hi` has the bias, and `ii` none."""
    variables, x_BLD = drawn(body(layers=1)), text()

    def cell(way):
        params = variables['params'][f'layer_0_{way}']
        named = {}
        for place, gate in enumerate('ifgo'):
            cut = slice(place * HIDDEN, (place + 1) * HIDDEN)
            named[f'i{gate}'] = dict(kernel=params['input']['kernel'][:, cut])
            named[f'h{gate}'] = dict(kernel=params['recurrent'][:, cut], bias=params['input']['bias'][cut])
        rnn = nn.RNN(nn.OptimizedLSTMCell(HIDDEN), reverse=way == 'backward', keep_order=True)
        return rnn.apply({'params': {'cell': named}}, x_BLD)

    wanted = np.concatenate([cell(way) for way in WAYS], axis=-1)
    got = body(layers=1).apply(variables, x_BLD, None)[0]
    np.testing.assert_allclose(got, wanted, rtol=0, atol=2e-6)


def test_a_text_backwards_is_read_as_it_was_forwards_by_the_other_direction():
    """With the weights of both directions exchanged, and in what a second layer reads the halves of the channels."""
    variables, x_BLD = drawn(body()), text()
    params = {name: value for name, value in variables['params'].items() if name == 'position_encoding'}
    for layer in range(2):
        for way, other in (WAYS, WAYS[::-1]):
            moved = jax.tree.map(np.array, variables['params'][f'layer_{layer}_{other}'])
            if layer:
                moved['input']['kernel'] = np.roll(moved['input']['kernel'], HIDDEN, axis=0)
            params[f'layer_{layer}_{way}'] = moved
    mirrored = said({'params': params}, x_BLD[:, ::-1])[:, ::-1]
    np.testing.assert_allclose(np.roll(mirrored, HIDDEN, axis=-1), said(variables, x_BLD), rtol=0, atol=1e-6)


@pytest.mark.parametrize('before, between, after', [(0, 0, 4), (3, 0, 0), (2, 1, 3)])
def test_padding_is_not_noticed_by_any_token_on_either_side(before, between, after):
    variables, x_BLD = drawn(body()), text()
    places = np.r_[before : before + 4, before + 4 + between : before + between + LENGTH]
    segments_BL = np.full((BATCH, LENGTH + before + between + after), -1, np.int32)
    segments_BL[:, places] = 0
    padded_BLD = 1e3 * np.ones((*segments_BL.shape, WIDTH), np.float32)
    padded_BLD[:, places] = x_BLD
    np.testing.assert_array_equal(said(variables, padded_BLD, segments_BL)[:, places], said(variables, x_BLD))

    def of_real_ones(padded_BLD):
        return (body().apply(variables, padded_BLD, None, segments_BL)[0][:, places] ** 2).sum()

    grad_BLD = np.array(jax.jit(jax.grad(of_real_ones))(padded_BLD))
    assert (np.abs(grad_BLD[:, places]).max(axis=-1) > 0).all()
    grad_BLD[:, places] = 0
    assert (grad_BLD == 0).all()


def test_documents_of_a_packed_row_are_read_as_if_each_stood_alone():
    variables, x_BLD = drawn(body()), text()
    segments_BL = np.tile(np.array([3, 3, 3, -1, 4, 4, 3, 3, -1], np.int32), (BATCH, 1))
    got = said(variables, x_BLD, segments_BL)
    for part in (slice(0, 3), slice(4, 6), slice(6, 8)):
        np.testing.assert_allclose(got[:, part], said(variables, x_BLD[:, part]), rtol=0, atol=1e-6)


def test_a_forget_gate_begins_open_and_the_rest_of_the_biases_at_nothing():
    params = jax.jit(lambda rng: body().init(rng, text(), None)['params'])(jax.random.key(0))
    bias, recurrent = params['layer_1_backward']['input']['bias'], params['layer_0_forward']['recurrent']
    np.testing.assert_array_equal(bias.reshape(4, HIDDEN), np.array([0, 1, 0, 0.0])[:, None] * np.ones(HIDDEN))
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(HIDDEN), rtol=0, atol=1e-5)
    assert (params['layer_0_forward']['recurrent'] != params['layer_0_backward']['recurrent']).any()


def test_states_in_bfloat16_are_those_of_float32_to_the_digits_that_it_has():
    variables, x_BLD = drawn(body()), text()
    got = body(dtype=jnp.bfloat16).apply(variables, x_BLD, None)[0]
    assert got.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.float32(got), said(variables, x_BLD), rtol=0, atol=0.05)


def model(encoding='none', head=None, **fields):
    return build.assemble(
        input_layer=tokens.Input(),
        body=body(encoding=encodings.build(encoding), **fields),
        head=head or classify.Head(),
        vocabulary=20,
        classes=2,
    )


def example(length=LENGTH):
    return np.arange(BATCH * length, dtype=np.int32).reshape(BATCH, length) % 20, np.arange(length)[None]


ACTS_BELOW = [name for name in encodings.names() if not bilstm.beyond_the_input_layer(encodings.build(name))]


def test_there_are_encodings_that_it_hears_and_others():
    assert {'none', 'sinusoidal', 'learned', 'multiply', 'concatenate'} <= set(ACTS_BELOW)
    assert not {'rotary', 'alibi', 'shaw', 'transformer_xl', 'fox', 'conv_position', 'sink'} & set(ACTS_BELOW)


def test_encodings_that_act_in_the_input_layer_are_heard_and_have_their_parameters():
    tokens_BL, pos_BL = example()
    for name in ('sinusoidal', 'learned', 'multiply'):
        one = model(name, width=6)
        params = jax.jit(lambda rng, one=one: one.init(rng, tokens_BL, pos_BL)['params'])(jax.random.key(0))
        near, far = (one.apply({'params': params}, tokens_BL, place * pos_BL) for place in (1, 3))
        assert np.abs(near - far).max() > 1e-4, name
    assert model('learned').init(jax.random.key(0), tokens_BL, pos_BL)['params']['position_encoding']['table'].size


@pytest.mark.parametrize('name, hooks', [('rotary', 'rotate'), ('alibi', 'bias'), ('tupe_a', 'bias')])
def test_an_encoding_that_would_do_nothing_is_refused_in_one_line(name, hooks):
    said = rf'acts on layers of attention \(.*{hooks}.*\), .*; wanted one that .* alone: .*none.*sinusoidal'
    with pytest.raises(ValueError, match=said):
        jax.eval_shape(model(name).init, jax.random.key(0), *example())


def test_half_an_encoding_is_refused_too():
    both = encodings.build('chain', first=encodings.build('sinusoidal'), second=encodings.build('alibi'))
    assert bilstm.beyond_the_input_layer(both) == ['bias']


def test_heads_that_do_not_go_with_it_are_refused_in_one_line():
    with pytest.raises(ValueError, match='a head tied to token vectors, wanted a body of their width'):
        model(head=tied.Head())
    with pytest.raises(ValueError, match="pool='last' and an encoder, wanted a body that reads token by token"):
        build.assemble(
            input_layer=tokens.Input(), body=encoder.Body(), head=classify.Head(pool='last'), vocabulary=9, classes=2
        )
    assert decoder.Body.directions == ('forward',)
    assert model(head=tag.Head()).head.directions == WAYS


def test_two_seeds_learn_the_same_in_one_program_as_by_replicas():
    options = dict(seeds=(0, 1), optimizer__learning_rate=0.02)
    by_jit = small_job.losses(small_texts.build(**options))
    by_pmap = small_job.losses(small_texts.build(**options, parallel='pmap', mesh__data=2))
    np.testing.assert_allclose(by_jit, by_pmap, rtol=1e-4)
    assert by_jit.shape == (2, 10) and (by_jit[:, -3:].mean(axis=1) < by_jit[:, :3].mean(axis=1)).all()
    assert (by_jit[0] != by_jit[1]).all()


def test_a_second_phase_has_no_queries_and_keys_to_normalise():
    phases = dict(second_phase__encoding__name='none', second_phase__steps=5, train__steps_per_call=5)
    assert small_texts.build(**phases).before.encoding_name == 'sinusoidal'
    with pytest.raises(ValueError, match=r'second_phase\.qk_norm: got True, wanted False for a body without queries'):
        small_texts.build(**phases, second_phase__qk_norm=True)


def test_the_page_draws_what_the_input_layer_hears():
    one = small_texts.build()
    drawn = picture.describe(picture._bound(one.model.body, {}), 16)
    assert drawn['kind'] == 'similarity'
