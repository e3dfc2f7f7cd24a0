"""A config is its difference from configs/default.py and from what it chooses."""

import ast
import pathlib

import pytest

from configs import default
from posbench.knobs import annotations, chosen, declared, forms, kinds, schema, user_file
from posbench.knobs.kinds import UsageError

FOLDER = pathlib.Path(default.__file__).parent
DEFAULTS = {form: FOLDER.parent / form.default for form in forms.FORMS}
FILES = [file for file in sorted(FOLDER.rglob('*.py')) if file.stem != '__init__' and file not in DEFAULTS.values()]


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.relative_to(FOLDER).with_suffix('').as_posix())
def test_no_config_repeats_a_default(file):
    given = user_file.call(file, 'get_config').to_dict()
    form, found = forms.of(given), []
    usual = user_file.call(DEFAULTS[form], 'get_config').to_dict()
    for group in {'encoding', 'positions', 'vectors'} & {*form.groups}:
        found += repeated(group, given[group], group)
    for path, value in written(file):
        if path in declared.ROOMS and isinstance(value, dict):
            found += repeated(path, value, path)
        elif value == at(usual, path):
            found.append(path)
    assert found == []


@pytest.mark.parametrize('name', ['default', 'drope', 'tasks/classify_minilm', 'word_vectors'])
def test_what_may_be_none_becomes_none_from_a_command_line(name):
    """But for what the rest of a config needs, which is said."""
    path, needed = FOLDER / f'{name}.py', {'tasks/classify_minilm': ['dataset.tokenizer_file']}.get(name, [])
    config = schema.load(path).to_dict()
    found = [key for key in may_be_none(config) if key not in needed]
    least = (
        {'sample', 'seed', 'module'} if name == 'word_vectors' else {'clip_norm', 'name', 'seed', 'tokens', 'module'}
    )
    assert least <= {key.rpartition('.')[2] for key in found}
    for key in found:
        assert at(schema.load(path, {key: 'None'}).to_dict(), key) is None, key


@pytest.mark.parametrize(
    'line',
    [
        ['model.layers=1025'],
        ['model.width=1048580'],
        ['encoding.name=sandwich', 'encoding.channels=65537'],
        ['encoding.name=cpvt', 'encoding.size=65'],
        ['encoding.name=cpvt', 'encoding.columns=1000001'],
        ['encoding.name=dape_v2', 'encoding.reach=65'],
        ['encoding.name=deberta', 'encoding.max_distance=1000001'],
        ['encoding.name=dynamic_bias', 'encoding.depth=65'],
        ['encoding.name=grape_m_contextual', 'encoding.init_step=101'],
        ['encoding.name=path', 'encoding.conv_size=65'],
        ['encoding.name=selective_rope', 'encoding.kernel=65'],
        ['task.name=sequence/reverse', 'task.symbols=1000001'],
    ],
    ids=' '.join,
)
def test_what_a_program_has_a_part_for_each_of_is_bounded(line):
    """Otherwise it is traced for ever, or its constants do not fit into memory."""
    overrides = dict(pair.split('=') for pair in line)
    key, _, value = line[-1].partition('=')
    with pytest.raises(UsageError, match=rf'config.{key}: got {value}(\.0)?, wanted .* from [0-9]+ to [0-9]+|at most'):
        schema.load(FOLDER / 'default.py', overrides)
    smaller = str(int(value) - 1 if int(value) % 4 else int(value) - 4)
    schema.load(FOLDER / 'default.py', overrides | {key: smaller})


def may_be_none(config):
    knobs, _ = schema._knobs(forms.of(config), config, chosen.Chooser({}, [FOLDER], declared.PACKAGE))

    def inside(group, path):
        for name, knob in group.items():
            if isinstance(knob, dict):
                yield from inside(knob, f'{path}{name}.')
            elif isinstance(knob, kinds.Optional):
                yield f'{path}{name}'

    return inside(knobs, '')


def test_a_repeated_default_is_found(tmp_path):
    encoding = dict(name='chain', first=dict(name='sinusoidal'), second=dict(name='alibi', learned=False), module=None)
    assert list(repeated('encoding', encoding, 'e')) == ['e.first', 'e.second.learned', 'e.module']
    (tmp_path / 'own.py').write_text(
        'def get_config():\n'
        '    config.train.steps = 1000\n'
        '    config.mesh.update(model=1, data=3)\n'
        '    config.seeds = (0, 1)\n'
        "    config.task = dict(name='text/language_model', stride=32)\n"
    )  # fmt: skip
    found = dict(written(tmp_path / 'own.py'))
    task = found.pop('task')
    assert found == {'train.steps': 1000, 'mesh.model': 1, 'mesh.data': 3, 'seeds': (0, 1)}
    assert list(repeated('task', task, 'task')) == ['task.stride']


def repeated(group, values, path):
    """The options of a group, and of encodings inside of it, whose value is that which the thing itself has."""
    options = declared.options(group, values['name'], values.get('module'))
    for name, value in values.items():
        if isinstance(value, dict) and options[name].knob is annotations.NESTED:
            if value == {'name': options[name].default}:
                yield f'{path}.{name}'
            yield from repeated('encoding', value, f'{path}.{name}')
        elif (name in options and value == options[name].default) or (name == 'module' and value is None):
            yield f'{path}.{name}'


def written(file):
    """Path and value of whatever the source of a config sets to a literal; a dict where that is a group."""
    for node in ast.walk(ast.parse(file.read_text())):
        pairs = []
        match node:
            case ast.Assign(targets=[ast.Attribute() as target], value=ast.Call(func=ast.Name(id='dict')) as group):
                names, values = zip(*[(ast.Constant(one.arg), one.value) for one in group.keywords])
                pairs = [(ast.unparse(target), ast.Dict([*names], [*values]))]
            case ast.Assign(targets=[ast.Attribute() as target]):
                pairs = [(ast.unparse(target), node.value)]
            case ast.Call(func=ast.Attribute(value=group, attr='update')):
                pairs = [(f'{ast.unparse(group)}.{one.arg}', one.value) for one in node.keywords]
        for path, value in pairs:
            try:
                yield path.removeprefix('config.'), ast.literal_eval(value)
            except ValueError:
                continue


def at(tree, path):
    """What the default config has at a path; nothing that any config could have where it has none."""
    for name in path.split('.'):
        tree = tree.get(name, declared.REQUIRED) if isinstance(tree, dict) else declared.REQUIRED
    return tree
