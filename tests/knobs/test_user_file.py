"""Files of the user's: what they raise is one line with the file and the line that did it."""

import pytest

from posbench.knobs import user_file
from posbench.knobs.kinds import UsageError

MINE = """
def raises():
    return {}['theta']

def calls(other):
    return other()
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text(MINE)
    return str(path), user_file.load(path)


def caught(function, *arguments) -> Exception:
    with pytest.raises(Exception, match=r'\w') as error:
        function(*arguments)
    return error.value


def house():
    raise ValueError('wanted\n\nan even number')


def test_whoever_raised_it_the_innermost_line_of_the_users_files_is_named(mine):
    path, names = mine
    assert user_file.blame(caught(names['raises']), [path]) == f"{path}:3: KeyError: 'theta'"
    assert user_file.blame(caught(names['calls'], house), [path]) == f'{path}:6: ValueError: wanted an even number'
    assert user_file.blame(caught(names['calls'], names['raises']), [path]) == f"{path}:3: KeyError: 'theta'"


def test_what_no_file_of_the_users_took_part_in_is_not_theirs(mine):
    path, names = mine
    assert user_file.blame(caught(house), [path]) is None
    assert user_file.blame(caught(names['raises']), ['/other.py']) is None


def test_a_file_that_is_no_python_is_named_where_it_is_none(tmp_path):
    path = tmp_path / 'none.py'
    path.write_text('x = 1\nx =\n')
    error = caught(compile, path.read_text(), str(path), 'exec')
    assert user_file.blame(error, [str(path)]) == f'{path}:2: SyntaxError: invalid syntax'


def test_what_is_wrong_while_a_run_is_made_is_said_to_whom_it_is_due(mine):
    path, names = mine
    # A library that was given what the user's file returned.
    library = caught(int, 'three')
    assert user_file.explain(caught(names['raises']), [path]) == f"{path}:3: KeyError: 'theta'"
    said = "no model can be made with it: ValueError: invalid literal for int() with base 10: 'three'"
    assert user_file.explain(library, [path]) == f'{path}: {said}'
    # The package refuses by a ValueError of its own, whoever takes part.
    refusal = caught(refuse)
    assert user_file.explain(refusal, [path]) == user_file.explain(refusal, []) == str(refusal)
    # A bug of the package is no user's doing.
    assert user_file.explain(caught(lambda: 1 + 'one'), []) is None


def refuse():
    from posbench import encodings

    encodings.build('rotery')


def test_a_message_is_one_line_and_not_endless():
    assert user_file.sentence(ValueError()) == 'ValueError'
    assert user_file.sentence(ValueError('a\n b')) == 'ValueError: a b'
    assert len(user_file.sentence(ValueError('long ' * 1000))) == 400


def test_the_files_of_a_config_are_found_at_any_depth():
    config = dict(
        encoding=dict(name='chain', module=None, first=dict(name='a', module='/a.py')),
        task=dict(module='/t.py'),
        positions=dict(module='/a.py'),
        seeds=[0],
    )
    assert user_file.modules(config) == ['/a.py', '/t.py']


def test_a_refusal_of_the_package_passes_through_a_file_as_it_is(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text('def get_config():\n    from posbench.knobs import UsageError\n    raise UsageError("as it is")\n')
    with pytest.raises(UsageError, match=r'^as it is$'):
        user_file.call(path, 'get_config')
