# ruff: noqa: E501 - an expected message stays in one piece.
import flax.linen as nn
import pytest

from posbench.knobs import declared, kinds
from posbench.knobs.kinds import Range, UsageError
from tests import small_package


@pytest.fixture
def load(tmp_path):
    return small_package.loader(tmp_path)


def test_options_are_read_without_importing_and_without_the_dimensions(tmp_path):
    package = small_package.write(tmp_path)
    found = declared.encoding_options('turn', package=package)
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
    found = declared.encoding_options('turn_more', package=package)
    assert list(found) == ['theta', 'layout', 'limit', 'factors', 'learn']
    assert found['theta'].default == 5.0
    traits = declared.encoding_traits('turn_more', package=package)
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
        assert declared.encoding_traits('own', file, package) == {'even_width': False}


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
    ],
)
def test_an_annotation_stands_for_a_knob(tmp_path, annotation, knob):
    file = tmp_path / 'own.py'
    file.write_text(f'class Encoding:\n    a: {annotation}')
    assert declared.encoding_options('own', file) == {'a': declared.Option(knob)}


def test_names_are_the_files_with_an_encoding_and_the_maps_with_the_three_arguments(tmp_path):
    package = small_package.write(tmp_path)
    assert declared.encoding_names(package) == ['plain', 'turn', 'turn_more']
    assert declared.position_names(package) == ['drawn', 'in_order']
    assert list(declared.position_options('drawn', package)) == ['max_position']
    assert declared.position_options('in_order', package) == {}


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


def test_no_option_can_take_the_place_of_a_part_of_linen():
    # `scope`, `parent` and `name` are there as soon as a module is.
    assert set(declared.TAKEN) == {part for part in dir(nn.Module) if part[0] != '_'} | {'scope', 'parent', 'name'}


def test_a_module_cannot_go_by_the_name_of_a_shipped_encoding(load, tmp_path):
    (tmp_path / 'mine' / 'turn.py').write_text('class Encoding: ...')
    with pytest.raises(UsageError, match=r"^config.encoding.name: got 'turn', which is an encoding of posbench"):
        load(encoding="dict(name='turn', module='turn.py')")
