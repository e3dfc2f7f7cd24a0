"""Models in Hugging Face layout compute in posbench what transformers computes (tests/golden/pretrained.py)."""

import functools
import json
import re

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from posbench import bodies, encodings, positions, pretrained
from posbench.models import model
from posbench.pretrained import folder as folders
from posbench.pretrained import llama
from posbench.training import generate
from tests.encodings import contract
from tests.pretrained import weights

# Of one body; those with an encoder and a decoder have tests of their own.
NAMES = [name for name in weights.names() if not name.startswith('t5')]
TOLERANCE = 1e-5

hidden_states = jax.jit(model.hidden_states, static_argnums=0)


@pytest.fixture(scope='module')
def load(tmp_path_factory):
    """Golden models by name, each written and read once."""

    @functools.cache
    def loaded(name):
        return pretrained.load(weights.write_folder(tmp_path_factory.mktemp(name), weights.golden(name)[0]))

    return loaded


@pytest.fixture
def write(tmp_path):
    """A golden model's folder, with other settings, without some weights and with more of them."""

    def written(name, settings=None, without=(), more=None):
        about = weights.golden(name)[0]
        tensors = {key: value for key, value in weights.draw_all(about).items() if key not in without}
        about['config'] |= settings or {}
        return weights.write_folder(tmp_path / name, about, tensors | (more or {}))

    return written


def run(loaded, tokens_BL, mask_BL=None):
    """(hidden states, logits)."""
    mask_BL = np.ones_like(tokens_BL) if mask_BL is None else mask_BL
    pos_BL = np.arange(tokens_BL.shape[1], dtype=np.int32)[None]
    return hidden_states(loaded.model, loaded.params, tokens_BL, pos_BL, np.where(mask_BL, 0, -1).astype(np.int32))


def check(got, wanted, mask_BL, what):
    """Equal but for rounding, relative to the largest value, where there is no padding."""
    real_BL = mask_BL.astype(bool)
    got, wanted = np.asarray(got)[real_BL], wanted[real_BL]
    np.testing.assert_allclose(got, wanted, rtol=0, atol=TOLERANCE * np.abs(wanted).max(), err_msg=what)


@pytest.mark.parametrize('name', NAMES)
def test_hidden_states_and_logits_are_those_of_transformers(name, load):
    loaded, arrays = load(name), weights.golden(name)[1]
    for prefix in ('', 'long_') if 'long_tokens' in arrays else ('',):
        mask_BL = arrays[f'{prefix}mask']
        states, logits_BLV = run(loaded, arrays[f'{prefix}tokens'], mask_BL)
        if loaded.model.body.norm == 'pre':
            # There the last state is the normalised one, in the place of what leaves the last layer.
            states = [*states[:-2], states[-1]]
        for place, (got, wanted) in enumerate(zip(states, arrays[f'{prefix}states'], strict=True)):
            check(got, wanted, mask_BL, f'{prefix}states {place}')
        if f'{prefix}logits' in arrays:
            check(logits_BLV, arrays[f'{prefix}logits'], mask_BL, f'{prefix}logits')


@pytest.mark.parametrize('name', ['gpt2', 'llama_llama3'])
def test_generation_with_a_cache_takes_the_likeliest_token_of_a_model_without_one(name, load):
    loaded, prompts, new = load(name), [np.array([3, 1, 4, 1, 5]), np.array([9, 2])], 6
    sequential = positions.build('sequential')
    got_BN = generate.generate(loaded.model, loaded.params, sequential, prompts, tokens=new, temperature=0.0)
    tokens_BL = np.zeros((2, 11), np.int32)
    for row, prompt in enumerate(prompts):
        tokens_BL[row, : len(prompt) + new] = [*prompt, *got_BN[row]]
    logits_BLV = np.asarray(run(loaded, tokens_BL)[1])
    for row, prompt in enumerate(prompts):
        of_new = logits_BLV[row, len(prompt) - 1 : len(prompt) - 1 + new]
        chosen = np.take_along_axis(of_new, got_BN[row][:, None], axis=1)[:, 0]
        np.testing.assert_allclose(chosen, of_new.max(axis=1), rtol=0, atol=1e-5, err_msg=f'row {row}')


def test_another_encoding_takes_the_place_of_positions_and_leaves_all_other_weights(write):
    path, tokens_BL = write('gpt2'), weights.golden('gpt2')[1]['tokens']
    own = pretrained.load(path)
    without = pretrained.load(path, encoding=encodings.build('none'))
    for name in ('rotary', 'shaw'):
        swapped = pretrained.load(path, encoding=encodings.build(name))
        other = pretrained._of_encoding(swapped.params)
        rest = {key: value for key, value in own.params.items() if key != 'position_encoding'}
        assert bool(jax.tree.leaves(other)) == (name != 'rotary')
        both = pretrained._merged(rest, other)
        assert jax.tree.structure(both) == jax.tree.structure(swapped.params)
        for a, b in zip(jax.tree.leaves(both), jax.tree.leaves(swapped.params)):
            np.testing.assert_array_equal(a, b)
    # The last one has parameters in each layer. Below the first layer there is nothing left of learned positions.
    states, logits_BLV = run(swapped, tokens_BL)
    np.testing.assert_array_equal(states[0], weights.draw('transformer.wte.weight', (50, 32))[tokens_BL])
    contract.different(logits_BLV, run(without, tokens_BL)[1], 'another encoding changes nothing')


def test_initial_parameters_of_another_encoding_follow_the_seed(write):
    path, five_rows = write('bert'), encodings.build('learned', max_length=5)
    one, two = (
        np.asarray(pretrained.load(path, encoding=five_rows, seed=seed).params['position_encoding']['table'])
        for seed in (1, 2)
    )
    assert one.shape == (5, 32)
    np.testing.assert_allclose([one.std(), two.std()], 1.0, atol=0.15)
    assert np.abs(one - two).max() > 0.1


def test_shards_and_prefixes_and_copies_give_the_same_parameters(write, load):
    """An index of two files, names without the prefix of a model with a head, tied logits once more, and old masks."""
    tensors = {name.removeprefix('transformer.'): value for name, value in folder_weights('gpt2').items()}
    tensors |= {'lm_head.weight': tensors['wte.weight'], 'h.0.attn.bias': np.ones((1, 1, 16, 16), np.float32)}
    path, names = write('gpt2'), sorted(tensors)
    (path / 'model.safetensors').unlink()
    shards = {'a.safetensors': names[::2], 'b.safetensors': names[1::2]}
    for file, some in shards.items():
        safetensors.numpy.save_file({name: tensors[name] for name in some}, path / file)
    index = {'weight_map': {name: file for file, some in shards.items() for name in some}}
    (path / 'model.safetensors.index.json').write_text(json.dumps(index), 'utf-8')
    got, wanted = pretrained.load(path), load('gpt2')
    assert got.model == wanted.model
    jax.tree.map(np.testing.assert_array_equal, got.params, wanted.params)


def folder_weights(name):
    return weights.draw_all(weights.golden(name)[0])


def test_bfloat16_weights_become_float32_and_activations_what_was_asked_for(write):
    rounded = {name: value.astype(ml_dtypes.bfloat16) for name, value in folder_weights('llama').items()}
    loaded = pretrained.load(write('llama', more=rounded), dtype=jnp.bfloat16)
    got = np.asarray(loaded.params['norm']['scale'])
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, rounded['model.norm.weight'].astype(np.float32))
    assert loaded.model.body.dtype == jnp.bfloat16


@pytest.mark.parametrize('dtype', [ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, np.float16, np.float64])
def test_weights_of_other_widths_are_read_as_the_same_numbers(write, dtype):
    rounded = {name: value.astype(dtype) for name, value in folder_weights('bert').items()}
    path = write('bert')
    weights.write_safetensors(path / 'model.safetensors', rounded)
    wanted = write('bert', more={name: value.astype(np.float32) for name, value in rounded.items()})
    got, wanted = pretrained.read_params(path), pretrained.read_params(wanted)
    jax.tree.map(np.testing.assert_array_equal, got, wanted)


WORDS = 'embeddings.word_embeddings.weight'
# What stands in the place of BERT's token vectors, and beside them.
QUANTISED = {
    'int8': ({WORDS: np.int8}, f"got '{WORDS}' of dtype I8, wanted one of F64, F32, F16, BF16, F8_E4M3, F8_E5M2"),
    'uint8': ({WORDS: np.uint8}, f"got '{WORDS}' of dtype U8, wanted one of"),
    'bool': ({WORDS: np.bool_}, f"got '{WORDS}' of dtype BOOL, wanted one of"),
    'complex': ({WORDS: np.complex64}, f"got '{WORDS}' of dtype C64, wanted one of"),
    'int64': ({WORDS: np.int64}, f"got '{WORDS}' of dtype I64, wanted one of"),
    'scales alone': ({WORDS: ml_dtypes.float8_e8m0fnu}, f"got '{WORDS}' of dtype F8_E8M0, wanted one of"),
    'float8 and its scales': (
        {WORDS: ml_dtypes.float8_e4m3fn, f'{WORDS}_scale_inv': np.float32},
        f"got '{WORDS}' of dtype F8_E4M3, which is quantised: '{WORDS}_scale_inv' has its scales",
    ),
    'scales of another name': ({'embeddings.word_embeddings.scales': np.float32}, 'which this architecture has not'),
}


@pytest.mark.parametrize('what', QUANTISED)
@pytest.mark.parametrize('read', [pretrained.read_params, pretrained.body_fields])
def test_weights_that_are_no_numbers_without_their_scales_are_refused(write, what, read):
    dtypes, words = QUANTISED[what]
    path, tensors = write('bert'), folder_weights('bert')
    weights.write_safetensors(
        path / 'model.safetensors', tensors | {k: tensors[WORDS].astype(v) for k, v in dtypes.items()}
    )
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        read(path)
    assert '\n' not in str(caught.value)


def test_a_config_of_quantised_weights_is_refused(write):
    path = write('bert', dict(quantization_config=dict(quant_method='gptq', bits=4)))
    with pytest.raises(ValueError, match="got a quantization_config, 'gptq', wanted weights without"):
        pretrained.load(path)


def test_bias_of_attention_and_tied_logits_follow_the_config_of_llama(write):
    biases = {}
    for layer in (0, 1):
        for name, size in (('q', 64), ('k', 32), ('v', 32), ('o', 32)):
            name = f'model.layers.{layer}.self_attn.{name}_proj.bias'
            biases[name] = weights.draw(name, (size,))
    settings = dict(attention_bias=True, tie_word_embeddings=True)
    params = pretrained.load(write('llama', settings, more=biases)).params
    assert 'logits' not in params
    wanted = biases['model.layers.1.self_attn.k_proj.bias'].reshape(2, 16)
    np.testing.assert_array_equal(params['block_1']['key']['bias'], wanted)


@pytest.mark.parametrize(
    'name, setting',
    [
        ('bert', 'layer_norm_eps'),
        ('gpt2', 'layer_norm_epsilon'),
        ('bloom', 'layer_norm_epsilon'),
        ('llama', 'rms_norm_eps'),
    ],
)
def test_the_epsilon_of_norms_is_that_of_the_config(name, setting, write):
    assert pretrained.load(write(name, {setting: 0.25})).model.body.style.epsilon == 0.25


def test_both_spellings_of_the_sizes_of_bloom_are_one_model(write, load):
    old = dict(n_embed=32, num_attention_heads=4, num_hidden_layers=2, hidden_size=None, n_head=None, n_layer=None)
    assert pretrained.load(write('bloom', old)).model == load('bloom').model


LENGTHS = dict(max_position_embeddings=64, original_max_position_embeddings=16)
OLD = dict(
    linear=dict(type='linear', factor=2.0),
    dynamic=dict(type='dynamic', factor=2.0),
    yarn=dict(rope_type='yarn', factor=4.0, beta_fast=16, beta_slow=2, mscale=1.0, mscale_all_dim=0.5, truncate=False),
    llama3=dict(rope_type='llama3', factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0),
    longrope=dict(rope_type='longrope', short_factor=[1.0, 1.5], long_factor=[2.0, 3.0], attention_factor=1.1),
)


@pytest.mark.parametrize('name', OLD)
def test_both_spellings_of_rotary_scaling_are_one_encoding(name):
    """`rope_scaling` beside `rope_theta`, or all of it in `rope_parameters`."""
    old = folders.Settings(dict(rope_theta=500.0, rope_scaling=OLD[name]) | LENGTHS)
    inside = OLD[name] | dict(rope_type=name, rope_theta=500.0)
    new = folders.Settings(dict(rope_parameters=inside) | LENGTHS)
    encoding = llama.rotary(old, 4)
    assert encoding == llama.rotary(new, 4)
    assert encoding.theta == 500.0
    if name == 'linear':
        assert encoding.factor == 2.0
    else:
        assert encoding.original_length == (64 if name == 'dynamic' else 16)


def test_what_is_given_of_yarn_and_longrope_reaches_the_encoding():
    yarn, longrope = (
        llama.rotary(folders.Settings(dict(rope_scaling=OLD[name]) | LENGTHS), 4) for name in ('yarn', 'longrope')
    )
    assert (yarn.beta_fast, yarn.beta_slow, yarn.mscale, yarn.mscale_all_dim, yarn.truncate) == (16, 2, 1.0, 0.5, False)
    assert (longrope.short, longrope.long) == ((1.0, 1.5), (2.0, 3.0))
    np.testing.assert_allclose(longrope.spectrum(4)[1], 1.1, rtol=1e-12)


REFUSED = {
    'an unknown architecture': ('gpt2', dict(model_type='gpt3'), "got model_type='gpt3', wanted 'bert' or 'bloom' .*did you mean 'gpt2'"),  # noqa: E501
    'an unknown activation': ('gpt2', dict(activation_function='gelu_newer'), "got activation_function='gelu_newer', wanted 'gelu' or .*did you mean 'gelu_new'"),  # noqa: E501
    'a decoder of BERT': ('bert', dict(is_decoder=True), 'got is_decoder=True, wanted False'),
    'relative positions of BERT': ('bert', dict(position_embedding_type='relative_key'), "got position_embedding_type='relative_key', wanted 'absolute'"),  # noqa: E501
    'another residual of BLOOM': ('bloom', dict(apply_residual_connection_post_layernorm=True), 'wanted False'),
    'no scale in attention': ('gpt2', dict(scale_attn_weights=False), 'got scale_attn_weights=False, wanted True'),
    'a scale of the layer': ('gpt2', dict(scale_attn_by_inverse_layer_idx=True), 'got scale_attn_by_inverse_layer_idx=True, wanted False'),  # noqa: E501
    'cross-attention': ('gpt2', dict(add_cross_attention=True), 'got add_cross_attention=True, wanted False'),
    'heads that do not fit': ('bert', dict(num_attention_heads=5), 'got 5 heads, wanted a divisor of the width 32'),
    'an unknown scaling': ('llama', dict(rope_scaling=dict(type='llama4')), "got rope_type='llama4', wanted 'default' or .* did you mean 'llama3'"),  # noqa: E501
    'part of a head rotated': ('llama', dict(partial_rotary_factor=0.5), 'got partial_rotary_factor=0.5, wanted 1.0'),
    'a scaling without its factor': ('llama', dict(rope_scaling=dict(type='linear')), "config.json: rope_parameters: there is no 'factor'"),  # noqa: E501
    'no number': ('bert', dict(hidden_size='32'), "got hidden_size='32', wanted a whole number of at least 1"),
    'a scaling that is no number': ('llama', dict(rope_scaling=dict(type='linear', factor='2')), "got factor='2', wanted a number above 0"),  # noqa: E501
    'a table for other heads': ('llama', dict(rope_scaling=dict(type='longrope', short_factor=[1.0, 2.0])), r"got short_factor=\[1.0, 2.0\], wanted a list of 8 numbers"),  # noqa: E501
    'another width': ('bert', dict(hidden_size=64), r"got 'embeddings.token_type_embeddings.weight' of shape \(2, 32\), wanted \(2, 64\) by config.json"),  # noqa: E501
    'fewer layers': ('bert', dict(num_hidden_layers=1), r"got 'encoder.layer.1.attention.output.LayerNorm.bias'.* and 11 more, which this architecture has not"),  # noqa: E501
    'more layers': ('bert', dict(num_hidden_layers=3), "there is no 'encoder.layer.2.attention.self.query.weight'; did you mean"),  # noqa: E501
}  # fmt: skip


@pytest.mark.parametrize('what', REFUSED)
def test_what_cannot_be_followed_is_refused_in_one_line(what, write):
    name, settings, words = REFUSED[what]
    with pytest.raises(ValueError, match=words) as caught:
        pretrained.load(write(name, settings))
    assert '\n' not in str(caught.value)


def test_older_names_of_norms_are_understood(write):
    path = write('bert')
    wanted, file = pretrained.load(path), path / 'model.safetensors'
    tensors = safetensors.numpy.load_file(file)
    old = {'weight': 'gamma', 'bias': 'beta'}
    renamed = {re.sub(r'(?<=LayerNorm\.)\w+$', lambda new: old[new[0]], name): x for name, x in tensors.items()}
    assert renamed.keys() != tensors.keys()
    safetensors.numpy.save_file(renamed, file)
    jax.tree.map(np.testing.assert_array_equal, pretrained.load(path).params, wanted.params)


def test_a_missing_setting_is_named(write):
    path = write('bert', dict(hidden_size=None, hiden_size=32))
    with pytest.raises(ValueError, match="there is no 'hidden_size'; did you mean 'hiden_size'"):
        pretrained.load(path)


def test_a_missing_or_broken_file_is_named(write, tmp_path):
    def refused(words):
        with pytest.raises(ValueError, match=words) as caught:
            pretrained.load(path)
        assert '\n' not in str(caught.value)

    path = tmp_path / 'nowhere'
    refused('nowhere: there is no such folder')
    path.mkdir()
    refused('there is no config.json')
    path = write('gpt2')
    whole, index = (path / 'model.safetensors').read_bytes(), path / 'model.safetensors.index.json'
    for damaged in (b'', b'\0' * 100, whole[:7], whole[:100], whole[:-1], whole + b'\0'):
        (path / 'model.safetensors').write_bytes(damaged)
        refused('model.safetensors: ')
    (path / 'model.safetensors').unlink()
    refused('there is no model.safetensors and no model.safetensors.index.json$')
    (path / 'pytorch_model.bin').write_bytes(b'')
    refused('index.json; pytorch_model.bin is pickled, which may run any code: convert it to safetensors')
    index.write_text('{"weight_map": {"wte.weight": "1.safetensors"}}', 'utf-8')
    refused('there is no 1.safetensors, which model.safetensors.index.json names')
    (path / '1.safetensors').write_bytes(whole)
    index.write_text('{"weight_map": {"wte.weight": "1.safetensors", "wpe.weight": "1.safetensors", "x": ""}}', 'utf-8')
    refused('got weight_map=.*, wanted the file of each weight')
    index.write_text('{"weight_map": ["wte.weight"]}', 'utf-8')
    refused('got weight_map=.*, wanted the file of each weight')
    names = [name for name in folder_weights('gpt2') if 'ln_f.bias' not in name]
    safetensors.numpy.save_file({name: folder_weights('gpt2')[name] for name in names}, path / '1.safetensors')
    index.write_text(json.dumps({'weight_map': dict.fromkeys(folder_weights('gpt2'), '1.safetensors')}), 'utf-8')
    refused("1.safetensors: there is no '.*ln_f.bias', which the index names")
    for damaged in ('[1', '[]', '[' * 100_000, '\udfff'):
        (path / 'config.json').write_text(damaged, 'utf-8', 'surrogatepass')
        refused('config.json: ')


def test_every_architecture_has_a_golden_model():
    assert {weights.golden(name)[0]['config']['model_type'] for name in weights.names()} == set(pretrained.names())


@pytest.mark.parametrize('name', ['bert', 'llama', 'deberta_v2'])
def test_fields_and_parameters_of_a_folder_are_those_of_its_model(name, write, load):
    """Without a head, what is left of a folder fits the same body behind another one."""
    path, loaded = write(name), load(name)
    fields, params = pretrained.body_fields(path), pretrained.read_params(path)
    jax.tree.map(np.testing.assert_array_equal, params, loaded.params)
    assert fields.pop('vocabulary') == loaded.model.input_layer.vocabulary
    assert bodies.build(**fields, encoding=loaded.model.encoding) == loaded.model.body


def test_the_values_of_weights_are_no_part_of_the_fields_but_their_shapes_are(write):
    path = write('bert')
    tensors = {name: np.full_like(value, np.nan) for name, value in folder_weights('bert').items()}
    wanted = pretrained.body_fields(path)
    safetensors.numpy.save_file(tensors, path / 'model.safetensors')
    assert pretrained.body_fields(path) == wanted
    with pytest.raises(ValueError, match=r'wanted \(2, 64\) by config'):
        pretrained.body_fields(write('bert', dict(hidden_size=64)))
