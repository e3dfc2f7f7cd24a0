"""T5 in posbench computes what transformers computes (tests/golden/pretrained.py), and its variants are told apart."""

import jax
import numpy as np
import pytest

from posbench import encodings, pretrained
from posbench.models import build, model
from tests.pretrained import weights

hidden_states = jax.jit(model.hidden_states_of_both, static_argnums=0)


@pytest.fixture
def write(tmp_path):
    """A golden model's folder, with other settings and with more weights or without some."""

    def written(name, settings=None, more=None, without=()):
        about = weights.golden(name)[0]
        about['config'] |= settings or {}
        kept = {key: value for key, value in weights.draw_all(about).items() if key not in without}
        return weights.write_folder(tmp_path / name, about, kept | (more or {}))

    return written


def check(got, wanted, mask_BL):
    """Equal but for rounding, relative to the largest value, where there is no padding."""
    got, wanted = np.asarray(got)[mask_BL == 1], wanted[mask_BL == 1]
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize('name', ['t5', 't5_gated'])
def test_hidden_states_and_logits_of_both_halves_are_those_of_transformers(name, write):
    loaded, arrays = pretrained.load(write(name)), weights.golden(name)[1]
    masks = arrays['mask'], arrays['decoder_mask']
    pos = [np.arange(mask.shape[1], dtype=np.int32)[None] for mask in masks]
    tokens, segments = (arrays['tokens'], arrays['decoder_tokens']), [mask - 1 for mask in masks]
    *both, logits_BLV = hidden_states(loaded.model, loaded.params, *zip(tokens, pos, segments))
    for states, prefix, mask in zip(both, ('', 'decoder_'), masks):
        # The last state is the normalised one, in the place of what leaves the last layer.
        for got, wanted in zip([*states[:-2], states[-1]], arrays[f'{prefix}states'], strict=True):
            check(got, wanted, mask)
    check(logits_BLV, arrays['decoder_logits'], masks[1])


def test_another_encoding_takes_the_place_of_both_biases_and_leaves_all_other_weights(write):
    path = write('t5')
    own = pretrained.load(path)
    shaw = pretrained.load(path, encoding=encodings.build('shaw'))
    for half, body in zip(('encoder', 'decoder'), shaw.model.body.halves()):
        assert type(body.encoding) is type(encodings.build('shaw'))
        assert own.params[half].pop('position_encoding').keys() == {'table'}
        assert 'position_encoding' not in shaw.params[half]
        for layer in ('block_0', 'block_1'):
            assert shaw.params[half][layer].pop('position_encoding')
    jax.tree.map(np.testing.assert_array_equal, own.params, shaw.params)


def test_an_encoding_that_reads_what_lies_between_is_refused_for_the_encoder(write):
    with pytest.raises(ValueError, match='got an encoder, wanted a decoder'):
        pretrained.load(write('t5'), encoding=encodings.build('fox'))


def test_output_weights_and_their_scale_follow_file_and_config(write):
    """Tied logits are scaled by 1/sqrt(D) unless the config says that they are not tied, whatever the file holds."""
    shared, head = (weights.draw(name, (50, 32)) for name in ('shared.weight', 'lm_head.weight'))

    def loaded(settings, **changes):
        built, params = pretrained.load(write('t5', settings, **changes))[1:]
        # Input vectors, and output weights.
        vectors_VD, scale = np.asarray(params['input_layer']['vectors']), built.input_layer.style.vectors_scale
        logits = vectors_VD.T if built.head.tie else params['head']['logits']['kernel']
        return vectors_VD * (32**0.5 if scale is None else scale), np.asarray(logits).T

    for settings, changes, wanted in (
        ({}, {}, shared * 32**-0.5),
        (dict(tie_word_embeddings=False), {}, shared),
        (dict(scale_decoder_outputs=False), {}, shared),
        (dict(tie_word_embeddings=False), dict(more={'lm_head.weight': head}), head),
        (dict(scale_decoder_outputs=True), dict(more={'lm_head.weight': head}), head * 32**-0.5),
    ):
        vectors_VD, out_VD = loaded(settings, **changes)
        np.testing.assert_allclose(vectors_VD, shared, rtol=1e-6)
        np.testing.assert_allclose(out_VD, wanted, rtol=1e-6)


def test_copies_that_files_hold_are_passed_over_and_other_weights_are_not(write):
    shared = weights.draw('shared.weight', (50, 32))
    copies = {f'{half}.embed_tokens.weight': shared for half in ('encoder', 'decoder')}
    copies['decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight'] = np.ones((8, 4), np.float32)
    wanted = pretrained.load(write('t5')).params
    jax.tree.map(np.testing.assert_array_equal, pretrained.load(write('t5', more=copies)).params, wanted)
    with pytest.raises(ValueError, match=r"got 'encoder.block.2.layer.0.layer_norm.weight', which this architecture"):
        pretrained.load(write('t5', more={'encoder.block.2.layer.0.layer_norm.weight': np.ones(32, np.float32)}))


def test_settings_reach_the_model_and_unknown_layers_are_refused(write):
    settings = dict(layer_norm_epsilon=0.25, feed_forward_proj='gelu')
    encoder, _ = pretrained.load(write('t5', settings)).model.body.halves()
    assert (encoder.style.epsilon, encoder.style.activation, encoder.style.gated) == (0.25, 'gelu_erf', False)
    assert (encoder.encoding.buckets, encoder.encoding.max_distance, encoder.encoding.bidirectional) == (8, 10, True)
    with pytest.raises(ValueError, match=r"got feed_forward_proj='gated-gelo', wanted .*did you mean 'gated-gelu'"):
        pretrained.load(write('t5', dict(feed_forward_proj='gated-gelo')))


def test_fields_of_both_halves_build_a_body_that_has_these_parameters(write):
    path = write('t5')
    fields, wanted = pretrained.body_fields(path), pretrained.read_params(path)
    assert fields['name'] == 'encoder_decoder'
    built = build.language_model(encodings.build('t5_bias', buckets=8), **fields)
    batch = dict.fromkeys(('source_BM', 'source_pos_BM', 'inputs_BL', 'pos_BL'), np.zeros((1, 2), np.int32))
    shapes = jax.eval_shape(lambda rng: built.init(rng, batch, method='outputs'), jax.random.key(0))['params']
    assert jax.tree.map(lambda leaf: leaf.shape, shapes) == jax.tree.map(lambda leaf: leaf.shape, wanted)
    with pytest.raises(ValueError, match='got layers=2 of the encoder and 1 of the decoder, wanted the same'):
        left_out = [name for name in weights.golden('t5')[0]['weights'] if name.startswith('decoder.block.1.')]
        pretrained.body_fields(write('t5', dict(num_decoder_layers=1), without=left_out))
