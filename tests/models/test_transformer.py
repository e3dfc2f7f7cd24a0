"""The Transformer and its input layer, apart from what every encoding has to keep (encodings/test_contract.py)."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.encodings import base
from posbench.models import block, transformer
from tests.encodings import contract, small

NONE, ROTARY = encodings.build('none'), encodings.build('rotary')


@functools.cache
def initial(model):
    """Parameters as training starts."""
    init = jax.jit(model.init)
    return init(jax.random.key(0), small.tokens(1), small.positions(1))


def test_a_model_of_one_layer_is_what_the_formula_says():
    """Pre-norm, GELU, tied embeddings: h = x + attention(norm x), h = h + mlp(norm h), logits = norm(h) E^T."""
    model, tokens = small.model(NONE, layers=1), small.tokens(1, 6)
    weights = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), small.params(model)['params'])
    block, vectors = weights['block_0'], weights['input_layer']['vectors']

    def norm(x, name, scope=block):
        return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6) * scope[name]['scale']

    h = vectors[tokens[0]] * np.sqrt(32)
    x, mixed = norm(h, 'attention_norm'), np.zeros((6, 4, 8))
    q, k, v = (np.einsum('LD,DHK->LHK', x, block[name]['kernel']) for name in ('query', 'key', 'value'))
    for head in range(4):
        for i in range(6):
            scores = np.exp(k[: i + 1, head] @ q[i, head] / np.sqrt(8))
            mixed[i, head] = scores / scores.sum() @ v[: i + 1, head]
    h = h + np.einsum('LHK,HKD->LD', mixed, block['out']['kernel'])
    up = norm(h, 'feed_forward_norm') @ block['up']['kernel']
    gelu = 0.5 * up * (1 + np.tanh(np.sqrt(2 / np.pi) * (up + 0.044715 * up**3)))
    h = h + gelu @ block['down']['kernel']
    wanted = norm(h, 'norm', weights) @ vectors.T
    np.testing.assert_allclose(small.logits(model, tokens, small.positions(1, 6))[0], wanted, rtol=0, atol=1e-5)


def test_no_segments_are_one_segment():
    model = small.model(ROTARY)
    arguments = small.params(model), small.tokens(), small.positions()
    without = jax.jit(model.apply)(*arguments)
    contract.same(small.logits(model, *arguments[1:]), without, 'segments of zeros')


def test_qk_norm_comes_before_rotation():
    """A gain after the rotation would make scores depend on absolute positions."""
    model, tokens, pos = small.model(ROTARY, qk_norm=True), small.tokens(), small.positions()
    before = small.logits(model, tokens, pos)
    contract.same(small.logits(model, tokens, pos + 37), before, 'logits after a shift', 4 * contract.SAME)
    contract.different(before, small.logits(small.model(ROTARY), tokens, pos), 'qk_norm changes nothing')


@pytest.mark.parametrize(
    'changes',
    [
        dict(norm='post'),
        dict(tie=False),
        dict(name='encoder'),
        dict(hidden=48),
        dict(heads=2),
        dict(layers=1),
    ],
    ids=str,
)
def test_the_option_changes_the_logits(changes):
    tokens, pos = small.tokens(), small.positions()
    got, base_model = small.logits(small.model(ROTARY, **changes), tokens, pos), small.model(ROTARY)
    contract.different(got, small.logits(base_model, tokens, pos), f'{changes} changes nothing')


def test_positions_of_several_coordinates_are_refused_where_an_encoding_reads_one():
    pos = small.positions()
    bias, other = encodings.build('on_axis', over='alibi', axis=1), encodings.build('alibi')
    for several in (np.stack([pos, pos], axis=-1), (pos, pos)):
        for encoding in (other, encodings.build('chain', first=bias, second=other), encodings.build('sinusoidal')):
            with pytest.raises(ValueError, match='got 2 coordinates a token, wanted one, which'):
                small.model(encoding).init(jax.random.key(0), small.tokens(), several)
        for encoding in (bias, encodings.build('chain', first=bias, second=NONE)):
            jax.eval_shape(small.model(encoding).init, jax.random.key(0), small.tokens(), several)


def test_logits_are_tied_to_the_token_vectors_exactly_if_asked_for():
    tied, untied = (small.params(small.model(NONE, tie=tie))['params'] for tie in (True, False))
    assert set(untied) - set(tied) == {'head'}
    assert untied['head']['logits']['kernel'].shape == (32, small.VOCABULARY)


@pytest.mark.parametrize('name', ['t5_bias', 'shaw'], ids=['shared parameters', 'parameters of each layer'])
@pytest.mark.parametrize('changes', [dict(scan_layers=True), dict(scan_layers=True, remat=True, block_size=5)], ids=str)
def test_gradients_of_scanned_layers_equal_those_of_separate_ones(name, changes):
    encoding = encodings.build(name)
    separate, scanned = small.model(encoding), small.model(encoding, **changes)
    variables, data = small.params(separate), (small.tokens(), small.positions())
    _, gradient = small.value_and_gradient(separate, variables, *data)
    _, got = small.value_and_gradient(scanned, small.stacked(variables), *data)
    contract.same_trees(got, small.stacked(gradient), 'gradient of scanned layers')


def test_every_scanned_layer_starts_with_values_of_its_own():
    kernel = initial(small.model(encodings.build('shaw'), scan_layers=True))['params']['blocks']['query']['kernel']
    assert kernel.shape == (2, 32, 4, 8) and np.abs(kernel[0] - kernel[1]).max() > 0.01


def test_the_residual_stream_and_the_logits_start_at_1():
    """RMS 1 of the token vectors; logits of order 1; sublayers that add little: 1 / sqrt(2 * layers) each."""
    model = small.model(NONE, width=64, vocabulary=500, layers=4, hidden=256)
    variables = initial(model)
    vectors = np.asarray(variables['params']['input_layer']['vectors'])
    np.testing.assert_allclose(np.sqrt((vectors**2).mean()) * 8, 1.0, rtol=0.03)
    spread = small.logits(model, small.tokens(), small.positions(), variables=variables).std()
    assert 0.7 < spread < 1.6, f'logits start at standard deviation {spread:.2f}'
    for name, fan_in in (('out', 64), ('down', 256)):
        kernel = np.asarray(variables['params']['block_0'][name]['kernel'])
        np.testing.assert_allclose(kernel.std() * np.sqrt(fan_in), 8**-0.5, rtol=0.05)


def test_parameters_are_float32_and_logits_too_whatever_the_activations_are():
    model = small.model(ROTARY, dtype=jnp.bfloat16)
    shapes = jax.eval_shape(model.init, jax.random.key(0), small.tokens(), small.positions())
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {np.dtype('float32')}
    assert jax.eval_shape(model.apply, shapes, small.tokens(), small.positions()).dtype == np.float32
    assert small.model(ROTARY, dtype=jnp.bfloat16).empty_cache(1, 4).layers[0][0].dtype == jnp.bfloat16


def dropped(model, rng, rows=None, batch=small.BATCH):
    rows = np.arange(batch) if rows is None else rows
    return np.asarray(
        small.with_dropout(model, small.params(model), small.tokens(batch), small.positions(batch), rows, rng)
    )


def test_dropout_is_off_without_its_rng_and_drawn_anew_with_each():
    model, plain = small.model(NONE, dropout=0.3), small.model(NONE)
    tokens, pos = small.tokens(), small.positions()
    contract.same(small.logits(model, tokens, pos), small.logits(plain, tokens, pos), 'dropout without a rng', 0)
    first = dropped(model, jax.random.key(1))
    contract.same(dropped(model, jax.random.key(1)), first, 'the same rng twice', 0)
    contract.different(dropped(model, jax.random.key(2)), first, 'another rng changes nothing')
    contract.different(first, small.logits(plain, tokens, pos), 'dropout with a rng changes nothing')


def test_dropout_takes_its_rate_and_keeps_the_mean():
    class Zero(transformer.nn.Module):
        rate: float

        @transformer.nn.compact
        def __call__(self, x_BLD):
            return transformer.dropout(self, x_BLD, self.rate, jnp.arange(x_BLD.shape[0]))

    got = Zero(0.25).apply({}, jnp.ones((8, 32, 64)), rngs={'dropout': jax.random.key(0)})
    assert set(np.unique(got)) == {np.float32(0), np.float32(1 / 0.75)}
    np.testing.assert_allclose((got == 0).mean(), 0.25, atol=0.02)


@pytest.mark.parametrize('scan_layers', [False, True])
def test_every_dropout_of_every_layer_drops_something_else(scan_layers, monkeypatch):
    draw, masks = transformer.dropout, []

    def recorded(module, x_BLD, rate, rows_B):
        jax.debug.callback(lambda mask: masks.append(mask.tobytes()), draw(module, jnp.ones_like(x_BLD), rate, rows_B))
        return x_BLD

    monkeypatch.setattr(transformer, 'dropout', recorded)
    monkeypatch.setattr(block, 'dropout', recorded)
    model = small.model(NONE, layers=3, dropout=0.5, scan_layers=scan_layers)
    variables = jax.eval_shape(model.init, jax.random.key(0), small.tokens(), small.positions())
    variables = jax.tree.map(lambda leaf: jnp.ones(leaf.shape), variables)
    jax.jit(model.apply)(variables, small.tokens(), small.positions(), rngs={'dropout': jax.random.key(0)})
    jax.effects_barrier()
    # After the input layer, and after attention and feed-forward of each layer.
    assert len(masks) == len(set(masks)) == 1 + 2 * 3


def test_rows_of_dropout_follow_their_numbers():
    model = small.model(NONE, dropout=0.3)
    # Rows 0 and 1 of this batch have the numbers 4 and 5 of a larger one.
    apart = dropped(model, jax.random.key(1), np.array([4, 5]), 2)
    assert np.abs(apart - dropped(model, jax.random.key(1), np.array([0, 1]), 2)).max() > contract.DIFFERENT


def test_an_encoder_has_no_cache():
    model = small.model(NONE, name='encoder')
    with pytest.raises(ValueError, match='got a cache with an encoder, wanted a decoder'):
        small.step(
            model, small.params(model), small.tokens(), small.positions(), small.tokens(), model.empty_cache(4, 24)
        )


def test_a_cache_remembers_positions_segments_and_how_full_it_is():
    model = small.model(NONE)
    pos, segments = 3 * small.positions(length=5), np.tile([[-1, 0, 0, 0, 0]], (4, 1)).astype(np.int32)
    cache = model.empty_cache(4, 8)
    _, cache = small.step(model, small.params(model), small.tokens(length=5), pos, segments, cache)
    assert cache.length == 5
    np.testing.assert_array_equal(cache.pos_BM[:, :5], pos)
    np.testing.assert_array_equal(cache.segment_BM, np.pad(segments, [(0, 0), (0, 3)], constant_values=-1))


@pytest.mark.parametrize('name', ('rotary', 'rotary_ntk_dynamic'))
def test_a_cache_holds_turned_keys_unless_more_tokens_turn_them_otherwise(name):
    """In the first layer nothing but `rotate` tells these keys from those of a model without an encoding."""
    kept, pos = {}, small.positions(1, 6)
    for each in ('none', name):
        model = small.model(encodings.build(each), layers=1)
        _, cache = model.apply(
            small.params(model), small.tokens(1, 6), pos, np.zeros((1, 6), np.int32), cache=model.empty_cache(1, 6)
        )
        kept[each] = cache.layers[0].k_BMGK
    encoding = encodings.build(name).sized(32, 4).with_params({})
    wanted = kept['none'] if encoding.depends_on_length else encoding.rotate(kept['none'], pos, 'key')
    contract.same(kept[name], wanted, 'keys in the cache')
    contract.different(encoding.rotate(wanted, pos, 'key'), wanted, 'keys turned once more')


def test_an_encoding_is_no_part_of_the_token_vectors_of_another():
    """Nothing stays on underneath: with every hook the identity, positions reach nothing."""
    model = small.model(base.PositionEncoding())
    tokens, pos = small.tokens(), small.positions()
    contract.same(small.logits(model, tokens, 5 * pos[:, ::-1]), small.logits(model, tokens, pos), 'other positions', 0)


def test_a_pattern_of_one_layer_is_that_encoding_alone():
    one = encodings.build('by_layer', first='rotary', second='alibi', pattern=(0,))
    params = small.params(small.model(encodings.build('rotary')))
    got = small.logits(small.model(one), small.tokens(), small.positions(), variables=params)
    wanted = small.logits(small.model(encodings.build('rotary')), small.tokens(), small.positions())
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)
