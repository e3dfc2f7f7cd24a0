"""Every option of every encoding changes what comes out."""

import pytest

from posbench import encodings
from posbench.encodings import base
from posbench.knobs import declared
from tests.encodings import contract, oracles

# Another value for each option; with it, other options that both sides need to make a difference visible.
OTHER = {name: oracles.module(name).OTHER for name in oracles.names()}
OPTIONS = [(name, option) for name in OTHER for option in OTHER[name]]


def pytest_generate_tests(metafunc):
    """In the default tier, options that no oracle hears: an ignored one of the others is not what its oracle says."""
    if 'option' in metafunc.fixturenames:
        everything = metafunc.config.getoption('--all')
        asked = [pair for pair in OPTIONS if everything or pair[1] in oracles.uncompared(pair[0])]
        metafunc.parametrize('name, option', asked, ids=map('-'.join, asked))


def test_every_option_of_every_encoding_has_another_value_here():
    there_are = {name: set(contract.options.options_of(encodings.build(name))) for name in encodings.names()}
    assert {name: set(others) for name, others in OTHER.items()} == there_are


def test_the_option(name, option):
    value, beside = OTHER[name][option]
    contract.options.the_option_changes_something(encodings.build(name), option, value, **beside)


def test_an_option_that_is_accepted_and_ignored_is_noticed():
    class Ignoring(base.PositionEncoding):
        max_time: float = 10_000.0

    with pytest.raises(AssertionError, match=r'max_time=.* changes nothing'):
        contract.options.the_option_changes_something(Ignoring(), 'max_time', 500.0)


def test_options_read_from_the_source_are_the_fields_of_the_class():
    assert declared.names('encoding') == encodings.names()
    for name in encodings.names():
        read, built = declared.options('encoding', name), encodings.build(name)
        assert list(read) == contract.options.options_of(built), name
        parts = built.parts()
        plain = [option for option in read if option not in parts]
        assert {option: read[option].default for option in plain} == {o: getattr(built, o) for o in plain}, name
        for option, part in parts.items():
            assert type(part).__module__ == f'posbench.encodings.{read[option].default}', f'{name}.{option}'


def test_an_unknown_encoding_is_named_with_the_nearest_one():
    with pytest.raises(ValueError, match=r"'rotery'; did you mean 'rotary'"):
        encodings.build('rotery')


def test_an_unknown_option_is_an_error():
    with pytest.raises(TypeError, match='thetta'):
        encodings.build('rotary', thetta=5.0)


def test_a_missing_file_of_an_outside_encoding_is_named():
    with pytest.raises(ValueError, match=r"'mine'.*nowhere\.py"):
        encodings.build('mine', module='nowhere.py')
