"""A model of input layer, body and head, apart from what language models have tests for (tests/encodings)."""

import dataclasses
import functools
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.bodies import decoder, encoder
from posbench.bodies import encoder_decoder as both
from posbench.heads import classify, span, tied
from posbench.inputs import tokens, vectors
from posbench.models import build, encoder_decoder, model
from posbench.models.style import Style
from posbench.positions import documents
from tests.encodings import contract, small

NONE, LEARNED, ROTARY = (encodings.build(name) for name in ('none', 'learned', 'rotary'))
BODY = dict(layers=1, width=32, heads=4, hidden=64)
CLASSES, CHANNELS = 5, 7


def assembled(body, head, input_layer=None):
    return build.assemble(
        input_layer=tokens.Input() if input_layer is None else input_layer,
        body=body,
        head=head,
        vocabulary=small.VOCABULARY,
        classes=CLASSES,
    )


def reader(head, encoding=LEARNED, **fields):
    """An encoder of one layer with this head."""
    return assembled(encoder.Body(encoding=encoding, **BODY, **fields), head)


def padded(side):
    """(tokens, positions, segments) of 12 real tokens a row among 18 and, beside them, random ones."""
    real = slice(6, 18) if side == 'left' else slice(0, 12)
    tokens_BL, segments_BL = small.tokens(length=18, seed=5), np.full((small.BATCH, 18), -1, np.int32)
    tokens_BL[:, real], segments_BL[:, real] = small.tokens(length=12), 0
    return tokens_BL, np.asarray(documents.packed(segments_BL)), segments_BL


@pytest.mark.parametrize('side', ['left', 'right'])
@pytest.mark.parametrize('pool', ['cls', 'mean'])
def test_padding_on_either_side_changes_no_class(pool, side):
    one = reader(classify.Head(pool=pool))
    wanted = small.logits(one, small.tokens(length=12), small.positions(length=12))
    assert wanted.shape == (small.BATCH, CLASSES)
    contract.same(small.logits(one, *padded(side)), wanted, f'classes with padding on the {side}')


def test_the_mean_is_that_of_real_tokens():
    h_BLD = np.random.default_rng(0).normal(size=(2, 6, 3)).astype(np.float32)
    segments_BL = np.array([[0, 0, 1, -1, -1, -1], [-1] * 6], np.int32)
    got_BD = classify.mean_of_tokens(jnp.asarray(h_BLD), segments_BL)
    np.testing.assert_allclose(got_BD, [h_BLD[0, :3].mean(axis=0), np.zeros(3)], rtol=1e-6)
    np.testing.assert_allclose(classify.mean_of_tokens(h_BLD, None), h_BLD.mean(axis=1), rtol=1e-5)
    rough_BLD = jnp.full((1, 1000, 1), 1.01, jnp.bfloat16)
    assert classify.mean_of_tokens(rough_BLD, None) == rough_BLD[0, 0, 0], 'summed in bfloat16'


def test_cls_stands_at_the_origin_and_all_others_move_up_by_one():
    pos_BL = np.array([[0, 1, 2], [4, 2, 0]], np.int32)
    np.testing.assert_array_equal(model.with_first(pos_BL), [[0, 1, 2, 3], [0, 5, 3, 1]])
    pos_BLA = np.stack([pos_BL, 10 * pos_BL], axis=-1)
    got_BLA = np.asarray(model.with_first(pos_BLA))
    np.testing.assert_array_equal(got_BLA[:, 0], np.zeros((2, 2)))
    np.testing.assert_array_equal(got_BLA[:, 1:], pos_BLA + 1)
    # Of a tuple each coordinate may be shared by all rows.
    first, second = model.with_first((pos_BL[:1], 0.5 * pos_BL))
    np.testing.assert_array_equal(first, [[0, 1, 2, 3]])
    np.testing.assert_array_equal(second, [[0, 1, 1.5, 2], [0, 3, 2, 1]])


def test_cls_belongs_to_the_first_document_wherever_the_padding_is():
    segments_BL = np.array([[0, 1, -1], [-1, 0, 0], [-1, 3, 4]], np.int32)
    np.testing.assert_array_equal(model.with_first_segment(segments_BL), [[0, 0, 1, -1], [0, -1, 0, 0], [3, -1, 3, 4]])
    nothing_but_padding = model.with_first_segment(np.full((1, 2), -1, np.int32))
    assert nothing_but_padding[0, 0] >= 0, 'CLS is padding too'
    assert model.with_first_segment(None) is None


@pytest.mark.parametrize('coordinates', ['array', 'tuple'])
def test_cls_works_with_positions_of_several_coordinates(coordinates):
    one = reader(classify.Head(pool='cls'), encodings.build('rope_axial'))
    pos_BL = small.positions()
    columns = pos_BL // 6, pos_BL % 6
    stacked = small.logits(one, small.tokens(), np.stack(columns, axis=-1))
    if coordinates == 'tuple':
        contract.same(small.logits(one, small.tokens(), (columns[0][:1], columns[1])), stacked, 'a tuple')
    other = small.logits(one, small.tokens(), np.stack(columns[::-1], axis=-1))
    contract.different(other, stacked, 'rows and columns exchanged')


def test_what_cls_reads_is_all_that_a_class_is_made_of():
    one = reader(classify.Head(pool='cls'), NONE)
    variables = small.params(one)
    states, said_BC = model.hidden_states(one, variables['params'], small.tokens(), small.positions())
    assert states[0].shape == (small.BATCH, 1 + small.LENGTH, 32)
    first_D = variables['params']['input_layer']['first'] * np.sqrt(32)
    np.testing.assert_allclose(states[0][:, 0], np.tile(first_D, (small.BATCH, 1)), rtol=1e-6)
    layer = variables['params']['head']['logits']
    np.testing.assert_allclose(said_BC, states[-1][:, 0] @ layer['kernel'] + layer['bias'], rtol=0, atol=1e-5)
    changed = small.tokens()
    changed[:, -1] = (changed[:, -1] + 1) % small.VOCABULARY
    contract.different(small.logits(one, changed, small.positions()), said_BC, 'another last token')


def test_the_norm_of_embeddings_is_that_of_cls_too():
    one = reader(classify.Head(pool='cls'), NONE, style=Style(embedding_norm=True))
    variables = small.params(one)
    states, _ = model.hidden_states(one, variables['params'], small.tokens(), small.positions())
    x_BLD = states[0] / variables['params']['input_layer']['norm']['scale']
    np.testing.assert_allclose(jnp.square(x_BLD).mean(axis=-1), 1.0, rtol=1e-4)


def test_padding_is_no_end_of_a_span():
    one = reader(span.Head())
    tokens_BL, pos_BL, segments_BL = padded('left')
    got_BL2 = small.logits(one, tokens_BL, pos_BL, segments_BL)
    assert (got_BL2[:, :6] == -1e30).all() and (np.abs(got_BL2[:, 6:]) < 100).all()
    wanted = small.logits(one, small.tokens(length=12), small.positions(length=12))
    contract.same(got_BL2[:, 6:], wanted, 'logits of a span beside padding')
    assert wanted.shape == (small.BATCH, 12, 2)


def test_vectors_are_projected_and_get_positions():
    """One layer under a learned table: what enters it is x W + b + the row of the position."""
    one = assembled(encoder.Body(encoding=LEARNED, **BODY), classify.Head(), vectors.Input())
    inputs_BLC = np.random.default_rng(0).normal(size=(2, 6, CHANNELS)).astype(np.float32)
    batch = dict(inputs_BLC=inputs_BLC, pos_BL=3 * small.positions(2, 6))
    params = one.init(jax.random.key(0), batch, method='outputs')['params']
    states, said_BC = model.hidden_states(one, params, inputs_BLC, batch['pos_BL'])
    layer = params['input_layer']['projection']
    wanted = inputs_BLC @ layer['kernel'] + layer['bias'] + params['position_encoding']['table'][batch['pos_BL']]
    np.testing.assert_allclose(states[0], wanted, rtol=0, atol=1e-5)
    np.testing.assert_allclose(one.apply({'params': params}, batch, method='outputs'), said_BC, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    'head', [tied.Head(), tied.Head(tie=False), classify.Head(), classify.Head(pool='cls'), span.Head()]
)
def test_what_a_model_says_of_a_batch_is_what_it_says_of_its_arrays(head):
    one, (tokens_BL, pos_BL, segments_BL) = reader(head, dropout=0.4), padded('right')
    rows_B = np.array([5, 1, 2, 8], np.int32)
    batch = dict(inputs_BL=tokens_BL, pos_BL=pos_BL, segment_ids_BL=segments_BL, rows_B=rows_B)

    @jax.jit
    def said(variables):
        rngs = {'dropout': jax.random.key(1)}
        by_name = one.apply(variables, batch, method='outputs', rngs=rngs)
        return by_name, one.apply(variables, tokens_BL, pos_BL, segments_BL, rows_B=rows_B, rngs=rngs)

    by_name, by_place = said(small.params(one))
    contract.same(by_name, by_place, 'of a batch', 0)
    by_place, by_name = (
        jax.eval_shape(functools.partial(one.init, **more), jax.random.key(0), *data)
        for data, more in (((tokens_BL, pos_BL), {}), ((batch,), dict(method='outputs')))
    )
    assert by_place == by_name


def test_a_body_of_both_halves_by_name_is_that_of_two_given_ones():
    fields = dict(**BODY, encoding=ROTARY)
    named = assembled(both.Body(**fields, qk_norm=True), tied.Head())
    pair = encoder_decoder.of_halves(encoder.Body(**fields, qk_norm=True), decoder.Body(**fields, qk_norm=True))
    given = assembled(pair, tied.Head())
    batch = dict(
        source_BM=small.tokens(2, 9),
        source_pos_BM=small.positions(2, 9),
        inputs_BL=small.tokens(2, 8, seed=1),
        pos_BL=small.positions(2, 8),
    )
    variables = [
        jax.jit(lambda rng, one=one: one.init(rng, batch, method='outputs'))(jax.random.key(0))
        for one in (named, given)
    ]
    jax.tree.map(np.testing.assert_array_equal, *variables)
    logits, wanted = (one.apply(variables[0], batch, method='outputs') for one in (named, given))
    contract.same(logits, wanted, 'logits', 0)
    for one in (named, given):
        assert one.encoding == ROTARY
        assert jax.tree.map(jnp.shape, one.empty_cache(2, 8)) == jax.tree.map(
            jnp.shape, small.model(ROTARY, layers=1).empty_cache(2, 8)
        )


def test_equal_models_are_one_to_a_compiled_function():
    traced = []

    def run(one, x):
        traced.append(one)
        return x

    compiled = jax.jit(run, static_argnums=0)
    for kernel in ('own', 'own', 'auto'):
        compiled(small.model(ROTARY, kernel=kernel), 1.0)
    assert len(traced) == 2
    assert reader(classify.Head()) == reader(classify.Head()) != reader(classify.Head(pool='cls'))


@pytest.mark.parametrize(
    'parts, words',
    [
        (dict(head=classify.Head(), classes=None), 'got a head that says classes, wanted their number'),
        (dict(vocabulary=None), 'got an input layer that reads tokens, wanted a vocabulary'),
        (
            dict(vocabulary=None, input_layer=vectors.Input(), head=tied.Head(tie=False)),
            'got a head that says tokens, wanted a v',
        ),
        (dict(input_layer=vectors.Input()), 'got a head tied to token vectors, wanted an input of tokens'),
        (dict(head=classify.Head(pool='cls')), r'got a head that reads \[CLS\] and a decoder, wanted an encoder'),
    ],
)
def test_parts_that_do_not_go_together_are_refused_in_one_line(parts, words):
    fitting = dict(input_layer=tokens.Input(), head=tied.Head(), vocabulary=small.VOCABULARY, classes=CLASSES)
    with pytest.raises(ValueError, match=words) as caught:
        build.assemble(body=decoder.Body(encoding=NONE, **BODY), **(fitting | parts))
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('name', ['decoder', 'encoder', 'encoder_decoder'])
def test_from_config_passes_everything_on(name):
    others = dict(
        layers=3, width=48, heads=6, hidden=80, norm='post', qk_norm=True, dropout=0.2, remat=True, scan_layers=True,
        block_size=7, kernel='fused',
    )  # fmt: skip
    body = both.Body()
    options = {field.name for field in dataclasses.fields(body)} - {*body.set_by_the_house, 'parent', 'name'}
    assert set(others) == options, 'an option has no other value here'
    assert all(others[option] != getattr(body, option) for option in others)
    config = types.SimpleNamespace(
        encoding=dict(name='rotary', module=None, theta=500.0),
        input=dict(name='tokens', module=None),
        model=dict(name=name, module=None, **others),
        head=dict(name='tied', module=None, tie=False),
        dtype='bfloat16',
    )
    task = types.SimpleNamespace(vocabulary=77, classes=None, features=None)
    built = build.from_config(config, task, platform='gpu')
    assert {option: getattr(built.body, option) for option in others} == others
    assert (built.encoding.theta, built.body.dtype, built.body.platform, built.head.tie) == (
        500.0,
        jnp.bfloat16,
        'gpu',
        False,
    )
    for part in (built.input_layer, built.head):
        assert (part.vocabulary, part.width, part.dtype, part.style) == (77, 48, jnp.bfloat16, Style())


def test_compiling_changes_nothing():
    model, tokens, pos = small.model(encodings.build('t5_bias')), small.tokens(), small.positions()
    eager = model.apply(small.params(model), tokens, pos, np.zeros_like(tokens))
    np.testing.assert_allclose(eager, small.logits(model, tokens, pos), rtol=0, atol=1e-5)
