"""Pictures of encodings: plain finite numbers that say what the encoding does."""

import json

import jax
import numpy as np
import pytest

from posbench import encodings
from posbench.atlas import picture, rows
from posbench.encodings import alibi
from posbench.report.pictures import KINDS
from tests import small_job

KIND = {
    'none': 'none',
    'sinusoidal': 'similarity',
    'learned': 'similarity',
    'rotary': 'score',
    'shaw': 'score',
    'transformer_xl': 'score',
    'alibi': 'bias',
    't5_bias': 'bias',
}
HEADS, LONGEST = 4, 40


def drawn(encoding, longest: int = LONGEST, change=lambda params: params) -> dict:
    encoding = encoding.sized(32, HEADS).at(0)[0]
    return picture.describe(encoding.with_params(change(encoding.init_params(jax.random.key(0)))), longest)


def test_every_picture_is_finite_plain_and_of_its_kind(encoding):
    # Some tables start at 0 and say nothing until they are trained.
    item = drawn(encoding, change=rows.shaken)
    name = type(encoding).__module__.rpartition('.')[2]
    assert item['kind'] == KIND.get(name, item['kind'])
    assert item['kind'] in KINDS
    assert item['title']
    assert json.loads(json.dumps(item, allow_nan=False)) == item
    if item['kind'] == 'similarity':
        matrix = np.array(item['matrix'])
        assert matrix.shape == (len(item['positions']),) * 2
        np.testing.assert_array_equal(np.diag(matrix), 1.0)
        np.testing.assert_array_equal(matrix, matrix.T)
        assert np.abs(matrix).max() <= 1.0
        assert item['positions'] == list(range(LONGEST))
    elif item['kind'] != 'none':
        if item['kind'] != 'attention':
            assert item['distances'] == list(range(LONGEST))
        curves = item.get('heads') or list(item['curves'].values())
        assert {len(curve) for curve in curves} == {len(item['distances'])}
        assert np.ptp(curves) > 0.01, 'a flat line'


def test_alibi_is_drawn_with_its_slopes():
    item = drawn(encodings.build('alibi'))
    wanted = -alibi.slopes(HEADS)[:, None] * np.arange(LONGEST)
    np.testing.assert_allclose(item['heads'], wanted, rtol=0, atol=5.1e-6)


def test_t5_is_drawn_with_its_buckets():
    encoding = encodings.build('t5_bias', buckets=8, max_distance=16).clone(width=32, heads=HEADS, head_width=8)
    table_HR = np.arange(HEADS * 8, dtype=np.float32).reshape(HEADS, 8)
    item = picture.describe(encoding.with_params({'table': table_HR}), LONGEST)
    np.testing.assert_array_equal(np.array(item['heads'])[:, :4], table_HR[:, :4])
    np.testing.assert_array_equal(np.array(item['heads'])[:, 16:], np.repeat(table_HR[:, 7:], LONGEST - 16, axis=1))


def test_the_curve_of_rotary_is_the_mean_of_its_cosines():
    (curve,) = drawn(encodings.build('rotary'))['curves'].values()
    assert curve[0] == 1.0
    # The frequencies of head width 8; 1024 random queries weigh them nearly alike.
    wanted = np.cos(np.arange(LONGEST)[:, None] * 10_000.0 ** (-np.arange(4) / 4)).mean(axis=1)
    np.testing.assert_allclose(curve, wanted, atol=0.05)


def test_the_curve_of_relative_keys_is_flat_where_they_are_clipped():
    item = drawn(encodings.build('shaw', max_distance=5))
    assert len(item['curves']) == HEADS
    for curve in item['curves'].values():
        assert np.ptp(curve[5:]) == 0
        assert np.ptp(curve[:6]) > 0.01


def test_similarity_of_sinusoids_is_the_mean_of_the_cosines_of_their_distance():
    item = drawn(encodings.build('sinusoidal'))
    distance = np.subtract.outer(np.arange(LONGEST), np.arange(LONGEST))
    wanted = np.cos(distance[..., None] * 10_000.0 ** (-np.arange(16) / 16)).mean(axis=-1)
    np.testing.assert_allclose(item['matrix'], wanted, rtol=0, atol=1e-4)


def test_past_the_end_of_a_table_nothing_is_drawn():
    item = drawn(encodings.build('learned', max_length=10))
    assert item['positions'] == list(range(10))
    assert np.isfinite(item['matrix']).all()


@pytest.mark.parametrize('name', ['learned', 'sinusoidal', 'alibi'])
def test_the_picture_of_long_sequences_still_fits_on_a_page(name):
    item = drawn(encodings.build(name, **({'max_length': 5000} if name == 'learned' else {})), 5000)
    assert len(json.dumps(item)) < 200_000
    assert max(item.get('positions') or item['distances']) == 4999


@pytest.mark.parametrize(
    'config, changes',
    [('learned', {}), ('shaw', {}), ('shaw', dict(model__scan_layers=True)), ('none', {})],
    ids=str,
)
def test_a_run_draws_the_first_seed_and_the_first_layer(config, changes, tmp_path):
    one = small_job.build(config, seeds=(0, 1), **changes)
    trained = small_job.trained(one)
    picture.write(one, trained, tmp_path)
    item = json.loads((tmp_path / 'encoding.json').read_text('utf-8'))
    assert item.pop('encoding') == config
    params = jax.tree.map(lambda leaf: leaf[0], trained.params)
    if config == 'shaw':
        own = params['blocks'] if changes else params['block_0']
        own = jax.tree.map(lambda leaf: leaf[0] if changes else leaf, own['position_encoding'])
    else:
        own = params.get('position_encoding', {})
    encoding = one.model.encoding.clone(parent=None, width=16, heads=2, head_width=8)
    assert item == picture.describe(encoding.with_params(own), 32)
