"""The atlas as rows: every encoding that there is, its group, its facts, and pictures of plain finite numbers."""

import copy
import json
import shutil
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import launch
from posbench import encodings
from posbench.atlas import mechanism, probing, rows, views
from posbench.devices import host
from posbench.encodings import base
from posbench.knobs import schema
from posbench.knobs.kinds import UsageError
from posbench.models import build
from posbench.report import kinds
from posbench.report.leaderboard import entrants

WIDTH, HEADS = 32, 4


@pytest.fixture(scope='module')
def small():
    """The default config with short sequences and a small model."""
    config = schema.load(rows.CONFIGS / 'default.py').to_dict()
    config['model'] |= dict(width=WIDTH, heads=HEADS, layers=4)
    config['train']['length'] = 8
    return config


def row(name, config, **options):
    return rows.row(name, dict(name=name, module=None, **options), config)


def bound(encoding):
    encoding = encoding.sized(WIDTH, HEADS)
    return encoding.with_params(encoding.init_params(jax.random.key(0)))


def test_every_encoding_has_a_group_hooks_and_claims(encoding):
    group = mechanism.group(bound(encoding))
    assert group in mechanism.GROUPS
    # The leaderboard knows it without jax; of a file of somebody's own it does not.
    name = type(encoding).__module__.rpartition('.')[2]
    assert entrants.MECHANISMS.get(name, group) == group
    found = mechanism.claims(encoding.sized(WIDTH, HEADS))
    assert json.loads(json.dumps(found)) == found
    assert set(mechanism.hooks(encoding)) <= set(base.HOOKS)


@pytest.mark.parametrize(
    ('name', 'group'),
    [
        ('none', 'nothing'),
        ('learned', 'absolute'),
        ('sinusoidal', 'absolute'),
        ('rotary', 'rotation'),
        ('alibi', 'bias'),
        ('t5_bias', 'bias'),
        ('shaw', 'relative'),
        ('transformer_xl', 'relative'),
        ('chain', 'plan'),
        ('by_layer', 'plan'),
        ('on_axis', 'plan'),
    ],
)
def test_groups_follow_from_hooks(name, group):
    assert mechanism.group(bound(encodings.build(name))) == group


class Sharper(base.PositionEncoding):
    """Twice the logits."""

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        return x_BLHK * 2.0


class Gated(base.PositionEncoding):
    """A key's own content decides its bias."""

    needs_causal = True

    def aux(self, x_BLD, pos_BL):
        return x_BLD[..., 0]

    def score(self, logits_BHLM, block, carry):
        return logits_BHLM + block.aux_k[:, None, None, :], carry


class Curved(base.PositionEncoding):
    """Logits that are bent are no sum."""

    def score(self, logits_BHLM, block, carry):
        return jnp.tanh(logits_BHLM), carry


@pytest.mark.parametrize(('kind', 'group'), [(Sharper, 'plan'), (Gated, 'content'), (Curved, 'content')])
def test_what_only_scales_is_a_temperature_and_what_reads_tokens_depends_on_content(kind, group):
    assert mechanism.group(bound(kind())) == group


@pytest.mark.parametrize('name', ['none', 'learned', 'rotary', 'shaw', 'transformer_xl', 'by_layer', 'chain'])
def test_added_parameters_are_those_of_a_real_model(name):
    encoding, layers = encodings.build(name), 4
    model = build.language_model(encoding, vocabulary=8, layers=layers, width=WIDTH, heads=HEADS, hidden=8)
    pos_BL = probing.lifted(encoding, jnp.zeros((1, 2), jnp.int32))
    shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 2), jnp.int32), pos_BL)
    added = sum(
        leaf.size
        for path, leaf in jax.tree.leaves_with_path(shapes)
        if any(entry.key == 'position_encoding' for entry in path)
    )
    assert rows.parameter_count(encoding.sized(WIDTH, HEADS), layers) == added


def test_a_row_is_plain_finite_json_with_pictures_of_known_kinds(small):
    for name in ('alibi', 'by_layer'):
        found = row(name, small)
        assert json.loads(json.dumps(found, allow_nan=False)) == found
        assert found['views'][-1]['kind'] == 'attention'
        for view in found['views']:
            kinds.check(view)
    assert {view['part'] for view in found['views']} == {'first', 'second'}


def test_without_an_encoding_nothing_costs_more_and_a_wider_product_does(small):
    assert row('none', small)['cost'] == dict(arithmetic=1.0, traffic=1.0)
    assert row('transformer_xl', small)['cost']['arithmetic'] > 1.2


class Table(base.PositionEncoding):
    """A bias of the distance, of zeros at first."""

    def setup(self):
        self.table_HR = self.param('table', lambda rng, shape: jnp.zeros(shape), (self.heads, 64))

    def bias(self, pos_q_BL, pos_k_BM):
        return jnp.moveaxis(self.table_HR[:, jnp.abs(pos_q_BL[:, :, None] - pos_k_BM[:, None, :])], 0, 1)


def test_tables_of_zeros_are_drawn_with_random_numbers_and_the_row_says_so(small):
    found, parameters = rows.pictures(Table().sized(WIDTH, HEADS), 64)
    assert parameters == 'random'
    assert np.ptp(found[0]['heads']) > 0.5
    assert row('t5_bias', small)['parameters'] == 'initial'
    assert row('alibi', small)['parameters'] is None


def test_attention_without_an_encoding_is_an_even_share_at_every_distance():
    view = views.random_attention(base.PositionEncoding().sized(WIDTH, HEADS), 256)
    assert np.abs(np.mean(view['heads'])) < 0.3
    assert np.abs(np.polyfit(view['distances'], np.mean(view['heads'], axis=0), 1)[0]) < 5e-4


def test_attention_falls_by_the_slopes_of_alibi():
    encoding = encodings.build('alibi').sized(WIDTH, HEADS)
    plain = views.random_attention(base.PositionEncoding().sized(WIDTH, HEADS), 16)
    fall_HN = np.diff(np.array(views.random_attention(encoding, 16)['heads']) - plain['heads'], axis=1)
    slopes_H = 2.0 ** (-8.0 * np.arange(1, HEADS + 1) / HEADS) / np.log(10)
    np.testing.assert_allclose(fall_HN, -np.repeat(slopes_H[:, None], 15, axis=1), atol=3e-4)


def test_the_spectrum_of_rotary_is_its_frequencies():
    encoding = encodings.build('rotary', theta=500.0).sized(WIDTH, HEADS)
    (wavelengths,) = views.spectrum(encoding, 1024)['wavelengths'].values()
    np.testing.assert_allclose(wavelengths, 2 * np.pi * 500.0 ** (np.arange(4) / 4), rtol=2e-3)


def test_what_is_not_turned_has_no_wavelength():
    class Half(base.PositionEncoding):
        def rotate(self, x_BLHK, pos_BL, role, aux=None):
            angle = pos_BL[..., None].astype(jnp.float32) * 0.5
            a, b, rest = x_BLHK[..., 0], x_BLHK[..., 1], x_BLHK[..., 2:]
            pair = jnp.stack([a * jnp.cos(angle) - b * jnp.sin(angle), b * jnp.cos(angle) + a * jnp.sin(angle)], -1)
            return jnp.concatenate([pair, rest], axis=-1)

    curves = views.spectrum(Half().sized(WIDTH, HEADS), 64)['wavelengths']
    assert curves['this encoding'] == [pytest.approx(4 * np.pi, rel=1e-3), None, None, None]
    assert 'plain rotary' in curves
    assert views.spectrum(base.PositionEncoding().sized(WIDTH, HEADS), 64) is None


def grid_of(encoding, **params):
    encoding = encoding.sized(WIDTH, HEADS)
    view = views.grid(encoding.with_params(params or encoding.init_params(jax.random.key(0))))
    kinds.check(view)
    return {name: np.array(rows) for name, rows in view['maps'].items()}


def test_a_grid_of_a_table_is_the_table_with_the_rows_of_keys_going_down():
    table_HRR = np.random.default_rng(0).normal(size=(HEADS, 15, 15)).astype(np.float32)
    maps = grid_of(encodings.build('swin_bias', max_distance=7), table=table_HRR)
    assert list(maps) == ['head 1', 'head 2', 'head 3', 'head 4']
    # The table is of offsets from key to query.
    np.testing.assert_allclose(maps['head 2'], table_HRR[1, ::-1, ::-1], atol=1e-4)


def test_a_grid_of_rotations_is_the_mean_of_the_cosines_of_rows_and_columns():
    (found,) = grid_of(encodings.build('rope_axial', theta=100.0)).values()
    # Four pairs of channels: two turn with rows, two with columns.
    cosine_N = np.cos(np.arange(-7, 8)[:, None] * np.array([1.0, 0.1])).mean(axis=-1)
    np.testing.assert_allclose(found, (cosine_N[:, None] + cosine_N) / 2, atol=0.05)
    assert found[7, 7] == 1.0


def test_a_grid_of_position_vectors_is_their_similarity():
    (found,) = grid_of(encodings.build('sincos_2d')).values()
    cosine_N = np.cos(np.arange(-7, 8)[:, None] * 10_000.0 ** (-np.arange(8) / 8)).mean(axis=-1)
    np.testing.assert_allclose(found, (cosine_N[:, None] + cosine_N) / 2, atol=1e-4)


def test_a_grid_shows_which_coordinate_is_read_and_there_is_none_of_one_coordinate():
    for axis in (0, 1):
        found = grid_of(encodings.build('on_axis', over='alibi', axis=axis))['head 1']
        wanted = -(2.0 ** (-8 / HEADS)) * np.abs(np.arange(-7, 8))
        np.testing.assert_allclose(np.moveaxis(found, axis, 1), np.tile(wanted, (15, 1)), atol=1e-4)
    kinds_of = [view['kind'] for view in views.each(bound(encodings.build('alibi')), 8)]
    assert kinds_of == ['bias', 'attention']


def test_configs_are_listed_where_they_are_used_and_main_ones_come_first(tmp_path):
    for name in ('default', 'abacus', 'drope', 'rnope', 'rope', 'sinusoidal_alibi'):
        shutil.copy(rows.CONFIGS / f'{name}.py', tmp_path)
    used, problems = rows.configs(tmp_path)
    assert problems == []
    assert [config['name'] for config in used] == ['abacus', 'drope', 'rnope', 'rope', 'sinusoidal_alibi']
    assert used[0]['encodings'] == ['on_axis', 'learned'] and used[0]['positions'].partition(' ')[0] == 'abacus'
    assert [(config['name'], config['inside']) for config in rows._of('rotary', used)] == [
        ('drope', False),
        ('rope', False),
        ('rnope', True),
    ]


def test_a_recipe_is_listed_with_both_its_encodings_and_says_when_the_first_one_is_dropped(tmp_path):
    for name in ('default', 'drope'):
        shutil.copy(rows.CONFIGS / f'{name}.py', tmp_path)
    (recipe,), problems = rows.configs(tmp_path)
    assert problems == []
    assert recipe['encodings'] == ['rotary', 'none']
    assert recipe['then'] == 'the last 125 steps with encoding none'


def test_a_config_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / 'broken.py').write_text('def get_config():\n    return 3\n')
    used, problems = rows.configs(tmp_path)
    assert used == [] and len(problems) == 1 and 'broken.py' in problems[0]


def test_all_encodings_are_rows_and_one_that_fails_hides_none(monkeypatch, tmp_path):
    def stub(title, encoding, default):
        if title == 'alibi':
            raise RuntimeError('of\ntwo lines')
        return dict(name=title)

    monkeypatch.setattr(rows, 'configs', lambda folder: ([], []))
    monkeypatch.setattr(rows, 'row', stub)
    rows.write(tmp_path / 'atlas')
    found = json.loads((tmp_path / 'atlas' / 'atlas.json').read_text())['encodings']
    assert [item['name'] for item in found] == encodings.names()
    assert [item['error'] for item in found if 'error' in item] == ['RuntimeError: of two lines']


MINE = textwrap.dedent('''
    """My idea.

    Me 2030 (arXiv 3001.00001).
    """
    import jax.numpy as jnp
    from posbench.encodings import base

    class Encoding(base.PositionEncoding):
        """logits -= strength."""
        strength: float = 1.0

        def bias(self, pos_q_BL, pos_k_BM):
            distance_BLM = jnp.abs(pos_q_BL[:, :, None] - pos_k_BM[:, None, :])
            return -self.strength * distance_BLM.astype(jnp.float32)[:, None]
''')


def test_an_encoding_from_outside_is_added_with_its_options(monkeypatch, tmp_path, small):
    (tmp_path / 'mine.py').write_text(MINE)
    config = copy.deepcopy(schema.load(rows.CONFIGS / 'alibi.py').to_dict())
    config['encoding'] = dict(name='mine', module=str(tmp_path / 'mine.py'), strength=0.5)
    monkeypatch.setattr(rows, 'configs', lambda folder: ([], []))
    real = rows.row
    monkeypatch.setattr(rows, 'row', lambda title, encoding, default: real(title, encoding, small))
    rows.write(tmp_path / 'atlas', schema.resolve(config), 'my_config', names=['none'])
    last = json.loads((tmp_path / 'atlas' / 'atlas.json').read_text())['encodings'][-1]
    assert (last['name'], last['group'], last['formula']) == ('mine', 'bias', 'logits -= strength.')
    assert last['options'] == [dict(name='strength', value='0.5', allowed='a finite number')]
    np.testing.assert_allclose(last['views'][0]['heads'][3][:3], [0, -0.5, -1.0])


def test_an_encoding_from_outside_that_fails_is_the_users_to_mend(monkeypatch, tmp_path):
    drawn = []

    def stub(title, encoding, default):
        drawn.append(title)
        raise ValueError('no')

    monkeypatch.setattr(rows, 'configs', lambda folder: ([], []))
    monkeypatch.setattr(rows, 'row', stub)
    config = schema.load(rows.CONFIGS / 'rope.py')
    with pytest.raises(UsageError, match='rope cannot be drawn: ValueError: no'):
        rows.write(tmp_path / 'atlas', config, 'rope', names=['none', 'alibi'])
    # Before the others, which take minutes.
    assert drawn == ['rope']


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / 'rows.jsonl').write_text('')
    with pytest.raises(UsageError, match='wanted an empty folder'):
        rows.write(tmp_path, names=[])
    assert [path.name for path in tmp_path.iterdir()] == ['rows.jsonl']


def test_a_bad_folder_or_config_is_one_line_and_exit_code_2(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(host, 'prepare', lambda devices: None)
    (tmp_path / 'file').write_text('')
    (tmp_path / 'broken.py').write_text('def get_config():\n    return dict(encoding=dict(name="no_such"))\n')
    for flags in ([f'--workdir={tmp_path}/file'], [f'--workdir={tmp_path}'], [f'--config={tmp_path}/broken.py']):
        assert launch.main(['--atlas', *flags]) == 2
        assert capsys.readouterr().err.count('\n') == 1


def test_a_report_of_an_atlas_is_its_page(monkeypatch, tmp_path, small):
    monkeypatch.setattr(rows, 'configs', lambda folder: ([], []))
    real = rows.row
    monkeypatch.setattr(rows, 'row', lambda title, encoding, default: real(title, encoding, small))
    rows.write(tmp_path, names=['alibi'])
    assert launch.main([f'--report={tmp_path}']) == 0
    assert 'ALiBi' in (tmp_path / 'atlas.html').read_text()
