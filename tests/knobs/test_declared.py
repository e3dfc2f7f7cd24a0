# ruff: noqa: E501 - an expected message stays in one piece.
import ast
import collections

import flax.linen as nn
import pytest

from posbench.knobs import declared, forms, kinds, source
from posbench.knobs.kinds import Range, UsageError
from tests import small_package


@pytest.fixture
def load(tmp_path):
    return small_package.loader(tmp_path)


def test_options_are_read_without_importing_and_without_the_dimensions(tmp_path):
    package = small_package.write(tmp_path)
    found = declared.options('encoding', 'turn', package=package)
    assert {name: option.default for name, option in found.items()} == {
        'theta': 10_000.0,
        'layout': 'half',
        'limit': None,
        'factors': (1.0, 0.5),
    }
    assert found['theta'].knob == kinds.Float(Range(above=0))
    assert found['layout'].knob == kinds.Choice(('half', 'interleaved'))
    assert found['limit'].knob == kinds.Optional(kinds.Int(Range(min=1)))


def test_an_encoding_inherits_options_and_constants_of_another(tmp_path):
    package = small_package.write(tmp_path)
    found = declared.options('encoding', 'turn_more', package=package)
    assert list(found) == ['theta', 'layout', 'limit', 'factors', 'learn']
    assert found['theta'].default == 5.0
    traits = declared.traits('encoding', 'turn_more', package=package)
    assert traits == {'even_width': True, 'even_head_width': True}


def test_a_constant_that_is_computed_is_not_read(tmp_path):
    package = small_package.write(tmp_path)
    file = tmp_path / 'own.py'
    head = 'from posbench.encodings import turn\nclass Encoding(turn.Encoding):\n'
    for body in (
        '    @property\n    def even_head_width(self): ...',
        '    even_head_width = 1 < 2',
        '    even_head_width: bool',
    ):
        file.write_text(head + body)
        assert declared.traits('encoding', 'own', file, package) == {'even_width': False}


@pytest.mark.parametrize(
    ('annotation', 'knob'),
    [
        ('int', kinds.Int()),
        ('float', kinds.Float()),
        ('bool', kinds.Bool()),
        ('str', kinds.Text()),
        ("Literal['one']", kinds.Choice(('one',))),
        ('Literal[1, 2]', kinds.Choice((1, 2))),
        ('Annotated[float, Range(min=0, below=1)]', kinds.Float(Range(min=0, below=1))),
        ('Annotated[int | None, Range(min=-3)]', kinds.Optional(kinds.Int(Range(min=-3)))),
        ('tuple[float, ...]', kinds.Tuple(kinds.Float())),
        ('Annotated[tuple[int, ...], Range(min=1)]', kinds.Tuple(kinds.Int(Range(min=1)))),
        ('tuple[int, int, int]', kinds.Tuple(kinds.Int(), length=3)),
        ('tuple[str, ...]', kinds.Tuple(kinds.Text())),
        ('Annotated[tuple[int, ...], UNIQUE]', kinds.Tuple(kinds.Int(), marks=frozenset([kinds.UNIQUE]))),
        (
            'Annotated[tuple[int, ...], INCREASING, Range(min=1)]',
            kinds.Tuple(kinds.Int(Range(min=1)), marks=frozenset([kinds.INCREASING])),
        ),
        ('Path', kinds.Path()),
        ('str | Path | None', kinds.Optional(kinds.Path())),
        ('Natural | None', kinds.Optional(kinds.Int(Range(min=1)))),
        ('tuple[Natural, ...]', kinds.Tuple(kinds.Int(Range(min=1)))),
        ('kernels.Knob', kinds.Choice(('auto', 'own', 'fused'))),
    ],
)
def test_an_annotation_stands_for_a_knob(tmp_path, annotation, knob):
    file = tmp_path / 'own.py'
    file.write_text(
        'from posbench.models import kernels\n'
        'Natural = Annotated[int, Range(min=1)]\n'
        f'class Encoding:\n    a: {annotation}'
    )  # fmt: skip
    assert declared.options('encoding', 'own', file) == {'a': declared.Option(knob)}


def test_names_are_the_files_with_the_class_of_their_room_and_the_maps_with_the_three_arguments(tmp_path):
    package = small_package.write(tmp_path)
    assert {group: declared.names(group, package) for group in (*declared.ROOMS, 'positions')} == {
        'task': ['image/patches', 'symbols/count', 'text/cloze', 'text/language_model'],
        'encoding': ['plain', 'turn', 'turn_more'],
        'input': ['tokens', 'vectors'],
        'model': ['decoder', 'lstm'],
        'head': ['classify', 'tied'],
        'vectors': ['counted'],
        'positions': ['drawn', 'in_order'],
    }
    assert list(declared.options('positions', 'drawn', package=package)) == ['max_position']
    assert declared.options('positions', 'in_order', package=package) == {}


def defaults(options):
    return {name: option.default for name, option in options.items()}


def test_a_task_has_the_options_that_it_marks_and_those_of_the_task_it_is_built_on(tmp_path):
    package = small_package.write(tmp_path)
    ours = {'separate_documents': False, 'on_device': True, 'stride': 32}
    assert defaults(declared.options('task', 'text/language_model', package=package)) == ours
    found = declared.options('task', 'text/cloze', package=package)
    assert defaults(found) == ours | {'share': 0.15}
    assert found['share'].knob == kinds.Float(Range(above=0, below=1))
    assert declared.traits('task', 'text/cloze', package=package) == {'reads': 'text'}


def test_a_part_of_a_model_has_the_options_that_no_model_sets(tmp_path):
    package = small_package.write(tmp_path)
    tokens = defaults(declared.options('input', 'tokens', package=package))
    assert list(tokens)[:2] == ['combine', 'file'] and tokens['combine'] == 'add'
    assert defaults(declared.options('input', 'vectors', package=package)) == {'bias': True}
    body = declared.options('model', 'decoder', package=package)
    own = ['layers', 'heads', 'hidden', 'norm', 'qk_norm', 'remat', 'scan_layers', 'block_size', 'kernel']
    assert list(body) == ['width', 'dropout', *own]
    assert body['heads'] == declared.Option(kinds.Int(Range(min=1)), 4)
    assert body['kernel'] == declared.Option(kinds.Choice(('auto', 'own', 'fused')), 'auto')
    lstm = {'width': 128, 'dropout': 0.0, 'layers': 1, 'both_ways': True}
    assert defaults(declared.options('model', 'lstm', package=package)) == lstm
    assert defaults(declared.options('head', 'classify', package=package)) == {'pool': 'mean'}


def test_data_has_the_arguments_of_its_load(tmp_path):
    package = small_package.write(tmp_path)
    assert defaults(declared.dataset_options('images', package)) == {'name': declared.REQUIRED, 'grey': True}
    text = declared.dataset_options('text', package)
    assert next(iter(text)) == 'name' and 'quiet' not in text
    assert text['folder'] == declared.Option(kinds.Optional(kinds.Path()), None)


def test_a_part_from_outside_of_the_package_has_its_own_options(load, tmp_path):
    (tmp_path / 'mine' / 'lines.py').write_text(
        'from posbench.tasks import base\n'
        'class Task(base.Task):\n'
        "    reads = 'images'\n"
        '    slope: float = base.option(0.5)\n'
    )  # fmt: skip
    (tmp_path / 'mine' / 'gru.py').write_text(
        'from posbench.bodies import lstm\nclass Body(lstm.Body):\n    cells: int = 7'
    )
    change = "config.task = dict(name='lines', module='lines.py'); config.dataset = dict(name='digits')"
    config = load(change, model__name='gru', model__module=str(tmp_path / 'mine' / 'gru.py'), model__layers=3)
    assert (config.task.slope, config.dataset.to_dict()) == (0.5, {'name': 'digits', 'grey': True})
    assert (config.model.cells, config.model.layers, config.model.both_ways) == (7, 3, True)


def test_a_module_brings_its_own_options(load, tmp_path, monkeypatch):
    own = tmp_path / 'mine' / 'own_turn.py'
    own.write_text(
        'from posbench.encodings import turn\n'
        'class Encoding(turn.Encoding):\n'
        '    depth: int\n'
    )  # fmt: skip
    from_config = load(encoding="dict(name='deep', module='own_turn.py', depth=3)").encoding
    assert (from_config.name, from_config.module, from_config.theta) == ('deep', str(own), 10_000.0)
    monkeypatch.chdir(own.parent)
    from_command_line = load(encoding__module='own_turn.py', encoding__depth='4').encoding
    assert (from_command_line.name, from_command_line.module, from_command_line.depth) == ('own_turn', str(own), 4)
    back = load(encoding="dict(name='deep', module='own_turn.py', depth=3)", encoding__name='turn').encoding
    assert (back.name, back.module) == ('turn', None)


@pytest.mark.parametrize(
    ('text', 'line'),
    [
        (None, "config.encoding.module: got '{file}', which is no file"),
        ('x = 3', '{file}: it defines no class Encoding'),
        ('class Encoding:\n  def', '{file}:2: SyntaxError: invalid syntax'),
        ('class Encoding:\n  a: list = 3', "{file}:2: the type of option 'a' is not understood: list"),
        ('class Encoding:\n  a: int = 2 ** 3', "{file}:2: the default of option 'a' is not a literal: 2 ** 3"),
        ('class Encoding:\n  a: bool = 1', "{file}:2: the default of option 'a': got 1, wanted true or false"),
        ('class Encoding:\n  a: Annotated[int, Range(mn=1)] = 1', "{file}:2: the type of option 'a' is not understood: Range(mn=1)"),
        ('class Encoding:\n  module: int = 1', "{file}:2: an option cannot be called 'module': config.encoding.module says which encoding it is"),
        ('class Encoding:\n  init: float = 1.0', "{file}:2: an option cannot be called 'init', as a method of flax's linen.Module is"),
        ('class Encoding:\n  bias: bool = True', "{file}:2: an option cannot be called 'bias', as a method of PositionEncoding is"),
        ('class Encoding:\n  a: int', 'config.encoding.a: it is missing, wanted an integer'),
    ],
)  # fmt: skip
def test_an_error_in_a_module_says_where(load, tmp_path, text, line):
    file = tmp_path / 'mine' / 'own_encoding.py'
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError) as error:
        load(encoding__module=str(file))
    assert str(error.value) == line.format(file=file)


def test_no_knob_has_its_type_in_more_than_one_place():
    """None is made by hand, no second class has the fields of a plain group, and nothing writes a type anew.

    That is: what inherits an option names its type instead, and so do parts of a model that can be exchanged.
    """
    trees = {path: source.parse(path) for path in declared.PACKAGE.rglob('*.py')}
    classes = [(path, node) for path, tree in trees.items() for node in tree.body if isinstance(node, ast.ClassDef)]
    places = collections.defaultdict(set)

    for path, tree in trees.items():
        if path.parent.name == 'knobs' and path.stem not in ('kinds', 'annotations', 'command_line'):
            calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
            made = {ast.unparse(call.func).rpartition('.')[2] for call in calls}
            assert made & {'Int', 'Float', 'Bool', 'Tuple'} == set(), path

    settings = {f'{form.what}: config.{group}': form.options(group) for form in forms.FORMS for group in form.settings}
    for group, options in settings.items():
        for path, node in classes:
            if set(options) == set(own_fields(node)):
                places[group].add(f'{path.stem}.{node.name}')

    for path, node in classes:
        for name, field in inherited_fields(path, node).items():
            mine = own_fields(node).get(name)
            if mine is not None and writes_the_same(mine.annotation, field.node.annotation):
                places[f'{path.stem}.{name}'] |= {
                    f'{path.stem}:{mine.lineno}',
                    f'{field.path.stem}:{field.node.lineno}',
                }

    for group in ('input', 'model', 'head'):
        room = declared.ROOMS[group].registry
        for name in declared.names(group):
            found = source.find_class(declared.PACKAGE / room.folder / f'{name}.py', room.class_name, declared.PACKAGE)
            for option in declared.options(group, name):
                field = found.fields[option]
                if is_written_out(field.node.annotation):
                    places[f'config.{group}.{option}'].add(f'{field.path.stem}:{field.node.lineno}')

    loads = [source.find_function(path, 'load') for path in (declared.PACKAGE / 'datasets').glob('*.py')]
    for load in filter(None, loads):
        for argument in load.args.kwonlyargs:
            if is_written_out(argument.annotation):
                places[f'config.dataset.{argument.arg}'].add(f'{ast.unparse(load.returns)}:{argument.lineno}')

    assert set(settings) <= set(places)
    assert {knob: sorted(where) for knob, where in places.items() if len(where) > 1} == {}


def own_fields(node):
    statements = [statement for statement in node.body if isinstance(statement, ast.AnnAssign)]
    return {one.target.id: one for one in statements if 'ClassVar' not in ast.unparse(one.annotation)}


def inherited_fields(path, node):
    found = {}
    for base in node.bases:
        place = source.locate(path, base, declared.PACKAGE)
        if place is not None and place[0].exists():
            inherited = source.find_class(*place, declared.PACKAGE)
            found |= inherited.fields if inherited else {}
    return found


def writes_the_same(mine, theirs):
    return is_written_out(mine) and ast.dump(mine) == ast.dump(theirs)


def is_written_out(annotation):
    """Whether it has a range or choices; a name, such as `bool` or `rotary.Theta`, says where a type stands."""
    return any(isinstance(node, ast.Call) or getattr(node, 'id', '') == 'Literal' for node in ast.walk(annotation))


def test_no_option_can_take_the_place_of_a_part_of_linen():
    # `scope`, `parent` and `name` are there as soon as a module is.
    assert set(declared.TAKEN) == {part for part in dir(nn.Module) if part[0] != '_'} | {'scope', 'parent', 'name'}


def test_a_module_cannot_go_by_the_name_of_a_shipped_encoding(load, tmp_path):
    (tmp_path / 'mine' / 'turn.py').write_text('class Encoding: ...')
    with pytest.raises(UsageError, match=r"^config.encoding.name: got 'turn', which is an encoding of posbench"):
        load(encoding="dict(name='turn', module='turn.py')")
