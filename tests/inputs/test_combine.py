"""How token vectors and positions become one vector: each combination against float64, and with every encoding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from configs import default
from posbench import encodings
from posbench.bodies import encoder
from posbench.heads import classify
from posbench.inputs import combine
from posbench.knobs import declared, schema
from posbench.models import build, model
from tests.encodings import small
from tests.inputs import layers
from tests.inputs.layers import POS, TOKENS, D

ADDITIVE = [name for name in encodings.names() if encodings.build(name).adds_vectors()]
# Another value of each option than its own.
OTHERS = dict(factor=0.25, trained=False, one_plus=False, channels=2, max_length=6, rank=3)
OPTIONS = [(name, option) for name in combine.names() for option in declared.options('combination', name)]


def whole(name, encoding, **body):
    """A model whose input layer combines in that way."""
    options = dict(channels=8) if name == 'reserve' else {}
    body = encoder.Body(encoding=encoding, layers=1, width=32, heads=4, hidden=64, **body)
    layer = layers.build(dict(name=name, **options))
    return build.assemble(input_layer=layer, body=body, head=classify.Head(), vocabulary=small.VOCABULARY, classes=3)


@pytest.mark.parametrize('name', combine.names())
@pytest.mark.parametrize('under', ADDITIVE)
def test_every_combination_goes_with_every_encoding_that_adds_vectors(name, under):
    encoding = encodings.build(under)
    one, pos = whole(name, encoding), small.lift(encoding, small.positions())
    if name == 'linear_map' and encoding.axes > 1:
        with pytest.raises(ValueError, match="got 'linear_map' and 2 coordinates a token, wanted one"):
            jax.eval_shape(one.init, jax.random.key(0), small.tokens(), pos)
        return
    (said, _) = jax.eval_shape(lambda key: one.init_with_output(key, small.tokens(), pos), jax.random.key(0))
    assert said.shape == (small.BATCH, 3) and said.dtype == jnp.float32


@pytest.mark.parametrize('name', [name for name in combine.names() if name not in ('add', 'linear_map')])
@pytest.mark.parametrize('under', ['none', 'rotary', 'alibi', 'complex_embedding', 'multiply'])
def test_where_nothing_can_be_combined_one_line_says_so(name, under):
    one = whole(name, encodings.build(under))
    with pytest.raises(ValueError, match=f"config.input.combine.name: got '{name}', which wants vectors") as error:
        jax.eval_shape(one.init, jax.random.key(0), small.tokens(), small.positions())
    assert '\n' not in str(error.value) and "wanted 'add'" in str(error.value)


@pytest.mark.parametrize('under', ['none', 'rotary', 'complex_embedding'])
def test_a_map_of_each_position_needs_no_vectors_of_positions(under):
    layer = layers.build(dict(name='linear_map', max_length=10))
    got, params = layers.run(layer, layers.bound(layer, under)[0])
    plain = layers.build()
    mapped = np.einsum('BLD,BLDE->BLE', params['vectors'][TOKENS] * D**0.5, params['combining']['maps'][POS])
    wanted = layers.bound(plain, under)[0].embed(jnp.asarray(mapped, jnp.float32), POS)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)


def f64(tree):
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), tree)


def sinusoids(width):
    """PE[p, 2c] = sin(p / 10000^(2c/width)), PE[p, 2c + 1] = cos(...), of POS."""
    omega_C = 10_000.0 ** (-np.arange(0, width, 2) / width)
    turns_BLC = POS[..., None] * omega_C
    return np.stack([np.sin(turns_BLC), np.cos(turns_BLC)], axis=-1).reshape(*POS.shape, width)


def low_rank(x, p, own):
    down, up = own['down'][POS], own['up'][POS]
    return x + np.einsum('BLD,BLDK,BLKE->BLE', x, down, up) + p


ORACLES = {
    'add': ({}, lambda x, p, own: x + p),
    'scaled_add': ({}, lambda x, p, own: x + own['factor'] * p),
    'fixed scaled_add': (dict(factor=0.25, trained=False), lambda x, p, own: x + 0.25 * p),
    'multiply': ({}, lambda x, p, own: x * (1 + p)),
    'multiply alone': (dict(one_plus=False), lambda x, p, own: x * p),
    'concatenate': ({}, lambda x, p, own: np.concatenate([x, p], axis=-1) @ own['projection']),
    'reserve': (dict(channels=2), lambda x, p, own: np.concatenate([x, p], axis=-1)),
    'linear_map': (dict(max_length=10), lambda x, p, own: np.einsum('BLD,BLDE->BLE', x, own['maps'][POS]) + p),
    'linear_map of low rank': (dict(max_length=10, rank=3), low_rank),
}


@pytest.mark.parametrize('case', ORACLES)
def test_a_combination_is_its_formula_in_float64(case):
    options, formula = ORACLES[case]
    name = next(name for name in combine.names() if name in case.split())
    layer = layers.build(dict(name=name, **options))
    got, params = layers.run(layer, layers.bound(layer, 'sinusoidal')[0])
    width = options.get('channels', D)
    x = np.asarray(params['vectors'], np.float64)[TOKENS]
    x = x * np.sqrt(x.shape[-1])
    wanted = formula(x, sinusoids(width), f64(params.get('combining', {})))
    assert got.shape == (*TOKENS.shape, D)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=2e-6 * max(1.0, np.abs(wanted).max()))


@pytest.mark.parametrize('name', ['multiply', 'concatenate'])
def test_a_combination_is_the_encoding_of_that_name(name):
    """The operators below the first layer that are encodings themselves, around the same vectors."""
    layer, plain = layers.build(name), layers.build()
    got, params = layers.run(layer, layers.bound(layer, 'sinusoidal')[0])
    around = encodings.build(name).sized(D, 2).with_params(params.get('combining', {}))
    wanted, _ = layers.run(plain, around, params={'vectors': params['vectors']})
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize(('name', 'option'), OPTIONS)
def test_every_option_of_a_combination_changes_what_comes_out(name, option):
    rest, found = dict(channels=4) if name == 'reserve' else {}, []
    for options in (rest, rest | {option: OTHERS[option]}):
        layer = layers.build(dict(name=name, **options))
        encoding = layers.bound(layer, 'sinusoidal')[0]
        params = layer.init(jax.random.key(0), TOKENS, POS, encoding)['params']
        found.append((layers.run(layer, encoding, params=params)[0], jax.tree.map(jnp.shape, params)))
    (one, shapes), (other, other_shapes) = found
    if option == 'trained':
        assert shapes != other_shapes
        np.testing.assert_array_equal(one, other)
    else:
        assert not np.allclose(one, other, rtol=0, atol=1e-2)


def test_a_trained_factor_is_a_parameter_and_starts_where_it_is_told_to():
    layer = layers.build(dict(name='scaled_add', factor=0.25))
    encoding = layers.bound(layer, 'sinusoidal')[0]
    params = layer.init(jax.random.key(0), TOKENS, POS, encoding)['params']
    assert params['combining']['factor'] == 0.25
    fixed = layers.build(dict(name='scaled_add', factor=0.25, trained=False))
    assert 'combining' not in fixed.init(jax.random.key(0), TOKENS, POS, encoding)['params']


@pytest.mark.parametrize('rank', [None, 3])
def test_past_its_table_a_map_is_nan_and_before_it_too(rank):
    layer = layers.build(dict(name='linear_map', max_length=6, rank=rank))
    pos = np.array([[0, 5, 6, -1, 3]], np.int32)
    got, _ = layers.run(layer, layers.bound(layer, 'none')[0], TOKENS[:1], pos)
    np.testing.assert_array_equal(np.isnan(got).all(axis=-1), [[False, False, True, True, False]])
    # Shared by all rows, the same.
    both, _ = layers.run(layer, layers.bound(layer, 'none')[0], TOKENS, pos)
    np.testing.assert_allclose(both[0], got[0], rtol=1e-6)


def test_maps_start_as_the_identity():
    for options, noise in ((dict(rank=2), 0.0), (dict(), 0.3)):
        layer = layers.build(dict(name='linear_map', max_length=10, **options))
        encoding, plain = layers.bound(layer, 'none')[0], layers.build()
        params = layer.init(jax.random.key(0), TOKENS, POS, encoding)['params']
        got, _ = layers.run(layer, encoding, params=params)
        alone, _ = layers.run(plain, encoding, params={'vectors': params['vectors']})
        assert np.abs(got - alone).max() <= noise * np.abs(alone).max()


def test_reserved_channels_leave_the_token_vectors_narrower_and_tied_logits_read_the_others():
    layer = layers.build(dict(name='reserve', channels=2))
    _, params = layers.run(layer, layers.bound(layer, 'learned', max_length=16)[0])
    assert params['vectors'].shape == (layers.V, D - 2)
    h = np.random.default_rng(0).normal(size=(2, 5, D)).astype(np.float32)
    logits = layer.apply({'params': params}, h, method='logits')
    np.testing.assert_allclose(logits, h[..., :-2] @ params['vectors'].T, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    'channels, under, said',
    [
        (3, 'sinusoidal', 'config.input.combine.channels: got 3, wanted an even number'),
        (32, 'sinusoidal', 'config.input.combine.channels: got 32, wanted below config.model.width, which is 32'),
        (8, dict(name='floater', where='blocks', max_length=64), "config.encoding: got 'floater', which reads vectors"),
    ],
)
def test_channels_that_cannot_be_reserved_are_refused_in_one_line(channels, under, said):
    encoding = encodings.build(**under) if isinstance(under, dict) else encodings.build(under)
    with pytest.raises(ValueError, match=said):
        one = build.assemble(
            input_layer=layers.build(dict(name='reserve', channels=channels)),
            body=encoder.Body(encoding=encoding, layers=1, width=32, heads=4, hidden=64),
            head=classify.Head(),
            vocabulary=small.VOCABULARY,
            classes=3,
        )
        jax.eval_shape(one.init, jax.random.key(0), small.tokens(), small.positions())


def test_a_chain_with_a_bias_keeps_it_in_every_layer_whatever_the_combination():
    """What acts in attention is made for the whole width, what is embedded for the reserved channels."""
    encoding = encodings.build('chain', first=dict(name='learned', max_length=32), second='fox')
    body = dict(layers=1, width=32, heads=4, hidden=64)
    parts = dict(input_layer=layers.build(dict(name='reserve', channels=8)), vocabulary=small.VOCABULARY)
    one = build.language_model(encoding, vocabulary=small.VOCABULARY, **body)
    one = build.assemble(**parts, body=one.body, head=one.head)
    shapes = jax.eval_shape(one.init, jax.random.key(0), small.tokens(), small.positions())['params']
    assert shapes['position_encoding']['first']['table'].shape == (32, 8)
    assert shapes['block_0']['position_encoding']['second']


def test_cls_is_combined_as_tokens_are():
    layer = layers.build('multiply', first=True)
    pos = model.with_first(POS)
    got, params = layers.run(layer, layers.bound(layer, 'learned', max_length=16)[0], pos=pos)
    table = layers.bound(layer, 'learned', max_length=16)[1]['table']
    np.testing.assert_allclose(got[:, 0], np.tile(params['first'] * D**0.5 * (1 + table[0]), (2, 1)), rtol=1e-5)


MINE = """
import jax.numpy as jnp
from posbench.inputs.combine import base

class Combination(base.Combination):
    power: float = 2.0

    def __call__(self, x_BLT, pos, encoding):
        return x_BLT + jnp.abs(self.vectors(pos, encoding)) ** self.power
"""


def test_a_combination_from_outside_of_the_package_is_chosen_like_those_in_it(tmp_path):
    (tmp_path / 'powers.py').write_text(MINE)
    config = default.get_config()
    config.input.combine = dict(name='powers', module='powers.py')
    config.encoding = dict(name='sinusoidal')
    found = schema.resolve(config, {'input.combine.power': '3'}, folder=tmp_path).input.to_dict()
    assert found['combine'] == dict(name='powers', module=str(tmp_path / 'powers.py'), power=3.0)
    layer = layers.build(found['combine'])
    got, params = layers.run(layer, layers.bound(layer, 'sinusoidal')[0])
    wanted = params['vectors'][TOKENS] * D**0.5 + np.abs(sinusoids(D)) ** 3
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)
