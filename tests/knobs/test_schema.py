# ruff: noqa: E501 - an expected message stays in one piece.
import functools
import json
import os
import pathlib
import random
import re

import pytest

from configs import default
from posbench.knobs import declared, forms, schema, user_file
from posbench.knobs.kinds import UsageError
from tests import small_package

ROOT = pathlib.Path(schema.__file__).parents[2]
HERE = 'Knobs here'
TOP = ', '.join([*forms.MODEL.options(''), *forms.MODEL.groups])
MODEL = 'name, module, width, dropout, layers, heads, hidden, norm, qk_norm, remat, scan_layers, block_size, kernel'


@pytest.fixture
def load(tmp_path):
    return small_package.loader(tmp_path)


def flatten(tree):
    return {path: functools.reduce(lambda node, name: node[name], path.split('.'), tree) for path in paths(tree)}


def paths(tree, group=''):
    found = []
    for name, value in tree.items():
        found += paths(value, f'{group}{name}.') if isinstance(value, dict) else [group + name]
    return found


@pytest.mark.parametrize('form', forms.FORMS, ids=lambda form: form.default)
def test_the_default_config_has_every_knob_that_is_declared_in_the_same_order(form):
    resolved = schema.load(ROOT / form.default).to_dict()
    given = user_file.call(ROOT / form.default, 'get_config').to_dict()
    # The options of a trainer of word vectors stand with it: there is none that most of them have.
    others = ('.module',) if form is forms.MODEL else ('.module', *(f'.{name}' for name in resolved['vectors']))
    assert [path for path in paths(resolved) if path not in paths(given) and not path.endswith(others)] == []
    # A ConfigDict sorts its keys, so the order is that of the source.
    source = (ROOT / form.default).read_text()
    assert re.findall(r'^ {4}config\.(\w+) = ', source, re.MULTILINE) == [*form.options(''), *form.groups]


@pytest.mark.parametrize('file', sorted((ROOT / 'configs').glob('*.py')), ids=lambda file: file.stem)
def test_every_config_of_the_repository_is_valid_and_stays_itself(file):
    if file.stem == '__init__':
        pytest.skip('marks the folder as a package')
    config = schema.load(file)
    assert schema.resolve(config) == config
    assert schema.resolve(json.loads(json.dumps(config.to_dict()))) == config


def test_the_default_config_resolves_to_its_own_values():
    config = schema.load(ROOT / 'configs' / 'default.py')
    flat = flatten(config.to_dict())
    assert {path: value for path, value in flat.items() if not path.endswith('.module')} == flatten(
        default.get_config().to_dict()
    )
    assert all(value is None for path, value in flat.items() if path.endswith('.module'))
    assert config.is_locked


def test_a_resolved_config_shows_every_option(load):
    assert load().encoding.to_dict() == {
        'name': 'turn', 'module': None, 'theta': 10_000.0, 'layout': 'half', 'limit': None, 'factors': (1.0, 0.5),
    }  # fmt: skip
    assert load(positions__name='drawn').positions.to_dict() == {'name': 'drawn', 'module': None, 'max_position': 2048}


def test_another_encoding_drops_the_options_of_the_old_one_but_not_those_of_the_command_line(load):
    encoding = "dict(name='turn', theta=7.0, layout='interleaved')"
    assert load(encoding=encoding, encoding__name='turn').encoding.theta == 7.0
    replaced = load(encoding=encoding, encoding__name='turn_more', encoding__layout='half').encoding
    assert (replaced.theta, replaced.layout) == (5.0, 'half')
    assert load(encoding=encoding, encoding__name='plain').encoding.to_dict() == {'name': 'plain', 'module': None}
    with pytest.raises(UsageError, match=r'^config.encoding.theta: there is no such knob'):
        load(encoding=encoding, encoding__name='plain', encoding__theta='3')


def test_a_second_phase_has_the_options_of_its_own_encoding_and_without_one_has_none(load):
    assert load(second_phase__steps='25').second_phase.encoding.to_dict() == {'name': None, 'module': None}
    config = load(second_phase__encoding__name='turn_more', second_phase__encoding__theta='3')
    assert (config.encoding.theta, config.second_phase.encoding.theta) == (10_000.0, 3.0)
    assert 'learn' in config.second_phase.encoding and 'learn' not in config.encoding
    assert load(change="config.second_phase.encoding.name = 'plain'").second_phase.encoding.name == 'plain'


@pytest.mark.parametrize('off', ['None', 'null', None])
def test_a_second_phase_is_taken_from_a_config_by_the_name_none(load, off):
    change = "config.second_phase.encoding = dict(name='turn', theta=3.0); config.second_phase.qk_norm = True"
    nothing = {'name': None, 'module': None}
    assert load(change, second_phase__encoding__name=off).second_phase.encoding.to_dict() == nothing
    assert load('config.second_phase.encoding = None').second_phase.encoding.to_dict() == nothing
    assert load(change, second_phase__encoding__module=off).second_phase.encoding.theta == 3.0
    with pytest.raises(UsageError, match=r'^config.second_phase.encoding.theta: there is no such knob'):
        load(change, second_phase__encoding__name=off, second_phase__encoding__theta='3')
    with pytest.raises(
        UsageError, match=r"^config.second_phase.encoding.module: got '.*', wanted None, because its name"
    ):
        load(change, second_phase__encoding__name=off, second_phase__encoding__module='mine.py')


def test_another_task_has_its_own_options_and_the_data_that_it_reads(load):
    change = "config.task.stride = 8; config.dataset.tokenizer = 'bytes'"
    same = load(change, task__name='text/language_model')
    assert (same.task.stride, same.dataset.tokenizer) == (8, 'bytes')
    of_its_kind = load(change, task__name='text/cloze')
    assert (of_its_kind.task.stride, of_its_kind.task.share, of_its_kind.dataset.tokenizer) == (32, 0.15, 'bytes')
    assert load(change, task__name='symbols/count', task__symbols='3').to_dict()['dataset'] is None
    images = load(change, task__name='image/patches', dataset__name='digits', dataset__grey='false')
    assert images.dataset.to_dict() == {'name': 'digits', 'grey': False}
    back = load("config.task = dict(name='symbols/count'); config.dataset = None", task__name='text/cloze')
    assert (back.dataset.name, back.dataset.vocabulary) == ('austen', 1024)
    for config in (same, images, back):
        assert json.loads(config.to_json())['dataset']['name'] == config.dataset.name


@pytest.mark.parametrize(
    ('change', 'overrides', 'line'),
    [
        ('', {'task.name': 'image/patches'}, "config.dataset.name: it is missing, wanted 'digits'"),
        ('', {'task.name': 'text/close'}, "config.task.name: got 'text/close', wanted one of 'image/patches', 'symbols/count', 'text/cloze', 'text/language_model'; did you mean 'text/cloze'?"),
        ('', {'task.name': 'symbols/count', 'task.stride': 3}, f'config.task.stride: there is no such knob. {HERE}: name, module, symbols'),
        ('', {'task.name': 'symbols/count', 'dataset.name': 'x'}, 'config.dataset.name: there is no such knob; config.dataset has nothing below it'),
        ("config.task = dict(name='symbols/count'); config.dataset = dict(name='x')", {}, "config.dataset: got {'name': 'x'}, wanted None, because config.task.name is 'symbols/count', which reads no data"),
        ('config.dataset = None', {}, 'config.dataset: got None, wanted a group of knobs: name, folder, text_feature, tokenizer, vocabulary, tokenizer_file, lowercase, min_count, segmentation, data_dir'),
        ("config.model = dict(name='lstm', heads=2)", {}, "config.model.heads: there is no such knob. Knobs here: name, module, width, dropout, layers, both_ways"),
        ("config.model = dict(name='decoder', encoding='turn')", {}, f'config.model.encoding: there is no such knob. {HERE}: {MODEL}'),
    ],
)  # fmt: skip
def test_what_does_not_go_with_a_task_or_a_body_is_one_line(load, change, overrides, line):
    with pytest.raises(UsageError) as error:
        load(change, **overrides)
    assert str(error.value) == line


def test_another_body_or_head_keeps_what_both_have(load):
    change = 'config.model.update(width=32, layers=2, heads=2); config.head.tie = False'
    config = load(change, model__name='lstm', head__name='classify')
    assert config.model.to_dict() == {
        'name': 'lstm', 'module': None, 'width': 32, 'dropout': 0.0, 'layers': 2, 'both_ways': True,
    }  # fmt: skip
    assert config.head.to_dict() == {'name': 'classify', 'module': None, 'pool': 'mean'}


@pytest.mark.parametrize(
    ('key', 'text', 'value'),
    [
        ('train.steps', '1_000', 1000),
        ('train.steps', '1e3', 1000),
        ('train.steps', 300, 300),
        ('optimizer.learning_rate', '1', 1.0),
        ('optimizer.clip_norm', 'None', None),
        ('optimizer.clip_norm', 'none', None),
        ('model.block_size', '64', 64),
        ('model.qk_norm', 'True', True),
        ('model.qk_norm', 'false', False),
        ('seeds', '(0, 1, 2)', (0, 1, 2)),
        ('seeds', '[4]', (4,)),
        ('seeds', '3,1', (3, 1)),
        ('seeds', '2147483647', (2**31 - 1,)),
        ('seeds', [1, 2], (1, 2)),
        ('evaluate.multiples', '1,2,4,', (1, 2, 4)),
        ('evaluate.lengths', '41,60', (41, 60)),
        ('evaluate.lengths', '()', ()),
        ('generate.prompt', 'None', 'None'),
        ('generate.prompt', '"It is"', '"It is"'),
        ('generate.prompt', 'été\nΩ', 'été\nΩ'),
        ('encoding.factors', '1,1e-3', (1.0, 0.001)),
        ('encoding.limit', 'null', None),
        ('dataset.data_dir', 'gs://bucket/x', 'gs://bucket/x'),
        ('init.freeze', 'input_layer/*, block_0/*', ('input_layer/*', 'block_0/*')),
        ('init.freeze', '()', ()),
        ('init.freeze_at_first', '', ()),
        ('init.folder', '/runs/rope', '/runs/rope'),
        ('dataset.name', 'lm1b/subwords8k:1.0.0', 'lm1b/subwords8k:1.0.0'),
    ],
)
def test_an_override_is_read_by_the_type_of_its_knob(load, key, text, value):
    node = load(**{key: text})
    for part in key.split('.'):
        node = node[part]
    assert node == value and type(node) is type(value)


BAD_OVERRIDES = [
    ('model.widht', '3', f"config.model.widht: there is no such knob; did you mean 'width'? {HERE}: {MODEL}"),
    ('widht', '3', f"config.widht: there is no such knob; did you mean 'config.model.width'? {HERE}: {TOP}"),
    ('theta', '3', f"config.theta: there is no such knob; did you mean 'config.encoding.theta'? {HERE}: {TOP}"),
    ('qk_norm', '3', f"config.qk_norm: there is no such knob; did you mean 'config.model.qk_norm' or 'config.second_phase.qk_norm'? {HERE}: {TOP}"),
    ('zzz', '3', f"config.zzz: there is no such knob. {HERE}: {TOP}"),
    ('mesh.', '3', f'config.mesh.: there is no such knob. {HERE}: seed, data, model, sequence, shard_parameters'),
    ('mesh', '3', 'config.mesh: it is a group of knobs; set one of them: seed, data, model, sequence, shard_parameters'),
    ('dtype.x', '3', 'config.dtype.x: there is no such knob; config.dtype has nothing below it'),
    ('encoding.thta', '3', f"config.encoding.thta: there is no such knob; did you mean 'theta'? {HERE}: name, module, theta, layout, limit, factors"),
    ('encoding.width', '3', f"config.encoding.width: there is no such knob; did you mean 'config.model.width'? {HERE}: name, module, theta, layout, limit, factors"),
    ('encoding.name', 'trun', "config.encoding.name: got 'trun', wanted one of 'plain', 'turn', 'turn_more'; did you mean 'turn'?"),
    ('encoding.name', 'base', "config.encoding.name: got 'base', wanted one of 'plain', 'turn', 'turn_more'"),
    ('encoding.name', '', "config.encoding.name: got '', wanted a text in UTF-8 that is not empty"),
    ('encoding.theta', '0', 'config.encoding.theta: got 0, wanted a finite number above 0'),
    ('encoding.layout', 'halv', "config.encoding.layout: got 'halv', wanted one of 'half', 'interleaved'; did you mean 'half'?"),
    ('encoding.limit', '0', 'config.encoding.limit: got 0, wanted an integer of at least 1, or None'),
    ('encoding.factors', '1,x', "config.encoding.factors: got '1,x', wanted one or more finite numbers"),
    ('second_phase.encoding', 'plain', 'config.second_phase.encoding: it is a group of knobs; set one of them: name, module'),
    ('second_phase.encoding.name', 'trun', "config.second_phase.encoding.name: got 'trun', wanted one of 'plain', 'turn', 'turn_more'; did you mean 'turn'?"),
    ('second_phase.encoding.theta', '3', f"config.second_phase.encoding.theta: there is no such knob; did you mean 'config.encoding.theta'? {HERE}: name, module"),
    ('positions.name', 'draw', "config.positions.name: got 'draw', wanted one of 'drawn', 'in_order'; did you mean 'drawn'?"),
    ('positions.max_position', '5', f'config.positions.max_position: there is no such knob. {HERE}: name, module'),
    ('train.steps', '-5', 'config.train.steps: got -5, wanted an integer of at least 1'),
    ('train.steps', '2.5', 'config.train.steps: got 2.5, wanted an integer of at least 1'),
    ('train.steps', 'many', "config.train.steps: got 'many', wanted an integer of at least 1"),
    ('train.steps', '', "config.train.steps: got '', wanted an integer of at least 1"),
    ('train.steps', True, 'config.train.steps: got True, wanted an integer of at least 1'),
    ('train.steps', 'None', "config.train.steps: got 'None', wanted an integer of at least 1"),
    ('train.steps', '3000000000', 'config.train.steps: got 3000000000, wanted an integer of at least 1, within 32 bits'),
    ('train.steps', 'inf', 'config.train.steps: got inf, wanted an integer of at least 1'),
    ('optimizer.learning_rate', 'nan', 'config.optimizer.learning_rate: got nan, wanted a finite number above 0'),
    ('optimizer.learning_rate', '1e999', 'config.optimizer.learning_rate: got inf, wanted a finite number above 0'),
    ('optimizer.learning_rate', '1e39', 'config.optimizer.learning_rate: got 1e+39, wanted a finite number above 0, in float32'),
    ('optimizer.learning_rate', 10**400, f'config.optimizer.learning_rate: got 1{76 * "0"}..., wanted a finite number above 0, in float32'),
    ('optimizer.eps', '1e-60', 'config.optimizer.eps: got 1e-60, wanted a finite number above 0, in float32'),
    ('optimizer.final_fraction', '1.5', 'config.optimizer.final_fraction: got 1.5, wanted a finite number from 0 to 1'),
    ('optimizer.clip_norm', 'off', "config.optimizer.clip_norm: got 'off', wanted a finite number above 0, or None"),
    ('optimizer.name', 'adam', "config.optimizer.name: got 'adam', wanted 'adamw'; did you mean 'adamw'?"),
    ('model.dropout', '1', 'config.model.dropout: got 1, wanted a finite number of at least 0 and below 1'),
    ('model.qk_norm', '1', "config.model.qk_norm: got '1', wanted true or false"),
    ('dtype', 'float23', "config.dtype: got 'float23', wanted one of 'float32', 'bfloat16'; did you mean 'float32'?"),
    ('seeds', '0,0', 'config.seeds: got (0, 0), wanted one or more distinct integers from 0 to 2147483647'),
    ('seeds', '()', "config.seeds: got '()', wanted one or more distinct integers from 0 to 2147483647"),
    ('seeds', '2147483648', "config.seeds: got '2147483648', wanted one or more distinct integers from 0 to 2147483647"),
    ('evaluate.multiples', '2,1', 'config.evaluate.multiples: got (2, 1), wanted one or more increasing integers of at least 1'),
    ('evaluate.multiples', '0,1', "config.evaluate.multiples: got '0,1', wanted one or more increasing integers of at least 1"),
    ('evaluate.lengths', '60,41', 'config.evaluate.lengths: got (60, 41), wanted any number of increasing integers of at least 1'),
    ('generate.prompt', '', "config.generate.prompt: got '', wanted a text in UTF-8 that is not empty"),
    ('generate.prompt', '\udcff', "config.generate.prompt: got '\\udcff', wanted a text in UTF-8 that is not empty"),
    ('dataset.data_dir', '', "config.dataset.data_dir: got '', wanted a path, or None"),
    ('init.freeze', 'a,,b', "config.init.freeze: got 'a,,b', wanted any number of texts in UTF-8 that are not empty"),
    ('init.freeze', 3, 'config.init.freeze: got 3, wanted any number of texts in UTF-8 that are not empty'),
]  # fmt: skip


@pytest.mark.parametrize(('key', 'value', 'line'), BAD_OVERRIDES)
def test_a_bad_override_is_answered_by_its_path_what_it_got_and_what_it_wanted(load, key, value, line):
    with pytest.raises(UsageError) as error:
        load(**{key: value})
    assert str(error.value) == line


@pytest.mark.parametrize(
    ('change', 'line'),
    [
        ('config.model.widht = 3', "config.model.widht: there is no such knob; did you mean 'width'?"),
        ('config.train.steps = 0', 'config.train.steps: got 0, wanted an integer of at least 1'),
        ('config.encoding.theta = "3"', "config.encoding.theta: got '3', wanted a finite number above 0"),
        (
            'config.model.block_size = "64"',
            "config.model.block_size: got '64', wanted an integer of at least 1, or None",
        ),
        ('del config.train["steps"]', 'config.train.steps: it is missing, wanted an integer of at least 1'),
        ('del config["encoding"]', 'config.encoding: got None, wanted a group of knobs: name'),
        (
            'del config["mesh"]',
            'config.mesh: got None, wanted a group of knobs: seed, data, model, sequence, shard_parameters',
        ),
        ('config.train.steps = 2.5', '{file}:6: TypeError: '),
        ('config.trian.steps = 2', '{file}:6: AttributeError: '),
        ('raise SystemExit(3)', '{file}:6: SystemExit: 3'),
        ('1 / 0', '{file}:6: ZeroDivisionError: division by zero'),
        ('import no_such_module', "{file}:6: ModuleNotFoundError: No module named 'no_such_module'"),
        ('def', '{file}:6: SyntaxError: invalid syntax'),
        ('return 3', '{file}: got 3, wanted a config: a ConfigDict, or an object in JSON'),
        ('return None', '{file}: got None, wanted a config: a ConfigDict, or an object in JSON'),
    ],
)
def test_an_error_in_a_config_file_says_where(load, tmp_path, change, line):
    with pytest.raises(UsageError) as error:
        load(change)
    assert str(error.value).startswith(line.format(file=tmp_path / 'mine' / 'own.py'))
    assert '\n' not in str(error.value)


def test_a_config_file_without_get_config_or_that_is_none_is_named(tmp_path):
    (tmp_path / 'rope.py').write_text('x = 1')
    for name, line in {
        'rope.py': 'rope.py: it defines no function get_config()',
        'rop.py': f"rop.py: there is no such file; did you mean '{tmp_path}/rope.py'?",
        '': 'there is no such file',
    }.items():
        with pytest.raises(UsageError, match=re.escape(line)):
            schema.load(tmp_path / name)


@pytest.mark.parametrize('text', ['', '{', '[1]', '"x"', '[' * 100_000, '{"encoding": 3}', 'null', '\0', '{"a": NaN}'])
def test_a_damaged_config_json_is_one_line(tmp_path, text):
    (tmp_path / 'config.json').write_text(text)
    with pytest.raises(UsageError) as error:
        schema.load(tmp_path / 'config.json')
    assert '\n' not in str(error.value)


def test_a_path_is_looked_up_beside_the_config_or_where_the_command_was_given(load, tmp_path, monkeypatch):
    for folder in ('mine', 'elsewhere'):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / 'encoding.py').write_text('class Encoding: ...')
    monkeypatch.chdir(tmp_path / 'elsewhere')
    assert load(encoding="dict(name='e', module='encoding.py')").encoding.module == str(tmp_path / 'mine/encoding.py')
    assert load(encoding__module='encoding.py').encoding.module == str(tmp_path / 'elsewhere/encoding.py')
    os.remove('encoding.py')
    assert load(encoding__module='encoding.py').encoding.module == str(tmp_path / 'mine/encoding.py')
    assert load(dataset__data_dir='new').dataset.data_dir == str(tmp_path / 'elsewhere/new')


def test_a_position_map_of_ones_own_has_its_options(load, tmp_path):
    (tmp_path / 'every_other.py').write_text('def every_other(rng, batch_size, length, *, train, step: int = 2): ...')
    mine = load(positions__module=str(tmp_path / 'every_other.py'), positions__step='3').positions
    assert mine.to_dict() == {'name': 'every_other', 'module': str(tmp_path / 'every_other.py'), 'step': 3}
    with pytest.raises(UsageError, match=r'config\.positions\.module: got .*nowhere\.py., which is no file'):
        load(positions__module='nowhere.py')
    with pytest.raises(UsageError, match=r'every_other\.py: it defines no function other\(rng, batch_size, length'):
        load(positions__module=str(tmp_path / 'every_other.py'), positions__name='other')


def test_everything_that_is_shipped_can_be_chosen():
    for form in forms.FORMS:
        for group in {*declared.ROOMS, 'positions'} & {*form.groups}:
            for name in declared.names(group):
                options = declared.options(group, name)
                needed = {f'{group}.{one}': 'x' for one in options if options[one].default is declared.REQUIRED}
                config = schema.load(ROOT / form.default, {f'{group}.name': name, **needed})
                assert config[group].name == name
                assert set(options) <= set(config[group])


VALUES = (
    '', ' ', '0', '1', '-1', '3.5', '1e3', '1e-400', '1e400', 'nan', 'true', 'None', '()', '(,)', '0,1', '((1))', '[1',
    '9' * 5000, 'é', '\0', '\n', '\udcff', '~', '/', 'x.py', 'rotary', 'alibi', 'randomized', 'folder', 'pmap', 'bytes',
    'encoder', 'vectors', 'classify',
    0, -1, 7, 10**400, 0.5, float('inf'), float('nan'), True, None, (), (1, 2), [3, 1], {}, {'a': 1}, b'x', object(),
    1j, {1, 2}, pathlib.Path('x'), int,
)  # fmt: skip


def test_whatever_is_done_to_the_default_config_it_is_valid_or_one_line():
    """Random mutations of values, names and structure, as overrides and inside the config."""

    def inside(config, group):
        for part in group.split('.') if group else ():
            config = config.get(part) if isinstance(config, dict) else None
        return config

    generator = random.Random(20240607)
    flat = flatten(default.get_config().to_dict())
    keys = list(flat)
    valid = refused = 0
    for _ in range(650):
        config, overrides = default.get_config().to_dict(), {}
        for _ in range(generator.randint(1, 2)):
            key = generator.choice(keys)
            value = generator.choice(VALUES) if generator.random() < 0.6 else str(flat[key])
            group, _, name = key.rpartition('.')
            match generator.randrange(6):
                case 0 | 1:
                    overrides[key] = value
                case 2:
                    overrides[generator.choice([key[:-1], key + 'x', group, name, key + '.a', key.upper()])] = value
                case 3:
                    target = inside(config, group)
                    if isinstance(target, dict):
                        target[name] = value
                case 4:
                    target = inside(config, group)
                    if isinstance(target, dict):
                        target[generator.choice([name + 'x', 3, None, ''])] = value
                case 5:
                    config.pop(key.partition('.')[0] if generator.random() < 0.5 else key, None)
                    if group:
                        config[group] = value
        try:
            resolved = schema.resolve(config, overrides)
        except UsageError as error:
            refused += 1
            assert str(error) and len(str(error).splitlines()) == 1
            assert str(error).startswith('config.')
        else:
            valid += 1
            assert schema.resolve(json.loads(json.dumps(resolved.to_dict()))) == resolved
    assert valid > 50 and refused > 300
