"""Token vectors and what stands beside them, where both enter."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from configs import default
from posbench.bodies import encoder
from posbench.encodings import base
from posbench.heads import classify
from posbench.inputs import tokens
from posbench.knobs import declared, rules, schema
from posbench.models import build
from posbench.models.style import Style
from posbench.training import job
from tests import small_job
from tests.inputs import layers
from tests.inputs.layers import POS, TOKENS, D

PLAIN = base.PositionEncoding()
FEATURES = np.array([[0, 3, 1, 1, 2], [2, 2, 0, 1, 3]], np.int32)
TASK = pathlib.Path(__file__).parent / 'said_beside.py'


def test_vectors_that_are_drawn_start_at_size_1_and_tied_logits_too():
    layer = layers.build().clone(vocabulary=400, width=64)
    params = layer.init(jax.random.key(0), TOKENS, POS, PLAIN)
    assert 0.9 < np.std(layer.apply(params, np.arange(400)[None], np.zeros((1, 400), np.int32), PLAIN)) < 1.1
    h_BLD = np.random.default_rng(0).normal(size=(1, 50, 64)).astype(np.float32)
    assert 0.9 < np.std(layer.apply(params, h_BLD, method='logits')) < 1.1


def test_a_scale_goes_before_that_of_the_style_and_never_into_logits():
    plain, scaled = (
        layers.build(style=Style(vectors_scale=3.0)),
        layers.build(scale=0.5, style=Style(vectors_scale=3.0)),
    )
    got, params = layers.run(plain, PLAIN)
    np.testing.assert_allclose(got, 3 * params['vectors'][TOKENS], rtol=1e-6)
    np.testing.assert_allclose(layers.run(scaled, PLAIN, params=params)[0], 0.5 * params['vectors'][TOKENS], rtol=1e-6)
    h = np.ones((1, 1, D), np.float32)
    logits = [layer.apply({'params': params}, h, method='logits') for layer in (plain, scaled)]
    np.testing.assert_array_equal(*logits)


def test_features_are_added_or_appended_and_projected():
    x_of, p = {}, None
    for features, options in (('add', {}), ('append', dict(feature_width=3))):
        layer = layers.build(features=features, feature_count=4, **options)
        got, params = layers.run(layer, layers.bound(layer, 'sinusoidal')[0], features_BL=FEATURES)
        p = np.asarray(layers.bound(layer, 'sinusoidal')[0].added(POS), np.float64)
        x = np.asarray(params['vectors'], np.float64)[TOKENS] * np.sqrt(D)
        beside = np.asarray(params['feature_vectors'], np.float64)[FEATURES]
        if features == 'add':
            wanted = x + beside * np.sqrt(D) + p
        else:
            assert params['feature_vectors'].shape == (4, 3)
            kernel = np.asarray(params['feature_projection']['kernel'], np.float64)
            wanted = np.concatenate([x, beside * np.sqrt(3)], axis=-1) @ kernel + p
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)
        other = layers.run(layer, layers.bound(layer, 'sinusoidal')[0], params=params, features_BL=FEATURES[::-1])[0]
        assert np.abs(other - got).max() > 0.1
        x_of[features] = got
    assert np.abs(x_of['add'] - x_of['append']).max() > 0.1


def test_features_that_nobody_gives_are_refused_in_one_line():
    body = encoder.Body(layers=1, width=32, heads=4, hidden=64)
    parts = dict(input_layer=tokens.Input(features='add'), body=body, head=classify.Head(), vocabulary=11, classes=3)
    batch = dict(inputs_BL=TOKENS, pos_BL=POS)

    def traced(features, **more):
        one = build.assemble(**parts, features=features)
        jax.eval_shape(lambda: one.init(jax.random.key(0), batch | more, method='outputs'))

    with pytest.raises(ValueError, match="'add', wanted None, because the task gives nothing but tokens"):
        traced(None)
    with pytest.raises(ValueError, match='got tokens alone, wanted what stands beside each, features_BL'):
        traced(4)
    traced(4, features_BL=FEATURES)


def beside(**changes):
    """The job of a task that asks for what stands beside each token."""
    config = default.get_config()
    config.task, config.dataset = dict(name='said_beside', module=str(TASK)), None
    config = ConfigDict(schema.resolve(config, {'input.features': 'add'}).to_dict())
    config.model.update(layers=1, width=16, heads=2, hidden=32)
    config.train.update(length=8, batch_size=16, steps=40, steps_per_call=40)
    config.optimizer.update(learning_rate=2e-2, warmup_steps=5)
    config.mesh.update(seed=1, data=1)
    config.update_from_flattened_dict(changes)
    return job.from_config(config, 'beside')


def test_a_model_learns_what_only_the_features_tell():
    one = beside()
    one.check()
    (losses,) = small_job.losses(one)
    assert losses[0] > np.log(4) and losses[-1] < 0.3 * np.log(4)


def test_options_of_what_is_not_there_are_refused():
    for knob, value in (('unknown', 'zero'), ('lowercase', False), ('feature_width', 8)):
        config = schema.resolve(default.get_config()).to_dict()
        config['input'][knob] = value
        (line,) = rules.broken(config, {})
        assert line.startswith(f'config.input.{knob}: got {value!r}, wanted ') and 'because config.input.' in line
    # With a file, and with features that are appended, they say something.
    schema.resolve(default.get_config(), {'input.file': '/', 'input.unknown': 'zero', 'input.lowercase': 'false'})
    schema.resolve(default.get_config(), {'input.features': 'append', 'input.feature_width': '8'})


def test_every_option_of_the_layer_has_a_test_here_or_of_files():
    here = {'combine', 'scale', 'features', 'feature_width'}
    of_files = {'file', 'unknown', 'lowercase'}
    assert set(declared.options('input', 'tokens')) == here | of_files


def test_bfloat16_activations_come_out_as_such_of_every_combination_and_feature():
    for options in (dict(combine='multiply'), dict(combine=dict(name='reserve', channels=2)), dict(features='append')):
        layer = layers.build(dtype=jnp.bfloat16, feature_count=4, **options)
        more = dict(features_BL=FEATURES) if 'features' in options else {}
        encoding = layers.bound(layer, 'sinusoidal')[0]
        assert layers.run(layer, encoding, **more)[0].dtype == jnp.bfloat16
