"""The file of a study: its question, its runs, its claims, and every way to get one of them wrong."""

import pytest

from posbench.knobs.kinds import UsageError
from posbench.runs import experiment
from posbench.runs.experiment import Run

HEAD = '''"""Does one line
hold a question?

Nobody asks this.
"""
from posbench.runs.study import Run
'''
ONE = "def runs():\n    return [Run('rope', 'configs/rope.py', {'train.steps': 40, 'config.seeds': (0, 1)})]\n"


def load(folder, text):
    path = folder / 'two_words.py'
    path.write_text(text)
    return experiment.load(path)


def refusal(folder, text) -> str:
    with pytest.raises(UsageError) as error:
        load(folder, text)
    assert str(folder / 'two_words.py') in str(error.value)
    return str(error.value).removeprefix(str(folder / 'two_words.py'))


def test_a_study_has_a_title_a_question_and_runs(tmp_path):
    found = load(tmp_path, HEAD + ONE)
    assert (found.title, found.question) == ('Two words', 'Does one line hold a question?')
    assert found.runs == (Run('rope', 'configs/rope.py', {'train.steps': '40', 'seeds': '(0, 1)'}),)
    assert load(tmp_path, HEAD[HEAD.index('from') :] + ONE).question == ''


def test_a_file_is_read_as_it_is_now(tmp_path):
    load(tmp_path, HEAD + ONE)
    assert load(tmp_path, HEAD + ONE.replace("'rope'", "'alib'")).runs[0].name == 'alib'
    assert [path.name for path in tmp_path.iterdir()] == ['two_words.py']


@pytest.mark.parametrize(
    'text, message',
    [
        ('x = 1', ': it has no runs(), which gives the runs of a study'),
        ('\n1 / 0', ':2: ZeroDivisionError: division by zero'),
        ('def', ':1: SyntaxError: invalid syntax'),
        ('def runs():\n    return {}[3]', ':2: KeyError: 3'),
        ('import sys\ndef runs():\n    sys.exit("no")', ':3: SystemExit: no'),
        ('def runs():\n    return 3', ': runs() gave 3, wanted a list of Run(name, config, overrides)'),
        ('def runs():\n    return []', ': runs() gave [], wanted a list of Run(name, config, overrides)'),
        ("def runs():\n    return [('a', 'b', {})]", ": run 1 is ('a', 'b', {}), wanted Run(name, config, overrides)"),
        (f'{HEAD}{ONE}claims = 3', ': claims is 3, wanted a function claims(rows)'),
        (
            f"{HEAD}def runs():\n    return [Run('a', None, {{}})]",
            ": run 'a': config: got None, wanted the path of a config file",
        ),
        (
            f"{HEAD}def runs():\n    return [Run('a', 'configs/rope.py', ['seeds'])]",
            ": run 'a': overrides: got ['seeds'], wanted a dict of knobs",
        ),
        (
            f"{HEAD}def runs():\n    return [Run('a', 'configs/rope.py', {{}}, {{'encoding': 3}})]",
            ": run 'a': levels: got {'encoding': 3}, wanted a level of each choice, as texts",
        ),
        (
            f"{HEAD}def runs():\n    return [Run('a', 'configs/rope.py', {{'experiment': 'x'}})]",
            ": run 'a': config.experiment is 'two_words', as this file is called",
        ),
    ],
)
def test_a_file_that_is_no_experiment_is_one_line(tmp_path, text, message):
    assert refusal(tmp_path, text) == message


@pytest.mark.parametrize(
    'name, message',
    [
        ('', 'wanted a text that is not empty'),
        (' ', 'wanted a text that is not empty'),
        (None, 'wanted a text that is not empty'),
        ('../../x', 'without / and \\'),
        ('/abs', 'without / and \\'),
        ('a/b', 'without / and \\'),
        ('a\\b', 'without / and \\'),
        ('..', 'hidden or leads out'),
        ('.', 'hidden or leads out'),
        ('.lock', 'hidden or leads out'),
        ('a\nb', 'line breaks'),
        ('a ', 'without spaces around it'),
        ('a\0', 'control characters'),
        ('é' * 101, 'at most 200 bytes'),
        ('study.json', 'something else'),
        ('Lengths.PNG', 'something else'),
        ('tb', 'something else'),
        ('tables', 'something else'),
        ('published', 'something else'),
        ('baseline:unigram', 'something else'),
    ],
)
def test_a_name_is_that_of_a_folder_of_the_study(tmp_path, name, message):
    line = refusal(tmp_path, f'{HEAD}def runs():\n    return [Run({name!r}, "configs/rope.py", {{}})]')
    assert line.startswith(': run 1: name: got ') and message in line


@pytest.mark.parametrize('name', ['rope', 'rope_1.5', 'θ=10000', 'a b', '名前', 'x' * 200])
def test_any_other_name_is_good(tmp_path, name):
    assert load(tmp_path, f'{HEAD}def runs():\n    return [Run({name!r}, "c.py", {{}})]').runs[0].name == name


@pytest.mark.parametrize('other', ['rope', 'Rope', 'ROPE'])
def test_two_runs_have_two_names_where_case_does_not_count_too(tmp_path, other):
    text = f'{HEAD}def runs():\n    return [Run("rope", "a.py", {{}}), Run({other!r}, "b.py", {{}})]'
    assert 'two runs have one name' in refusal(tmp_path, text)


def test_verdicts_are_what_claims_gives(tmp_path):
    verdict = dict(claim='all is well', verdict='PASS', evidence='3 of 3')
    assert load(tmp_path, f'{HEAD}{ONE}def claims(rows):\n    return [{verdict}] * len(rows)').claims([1]) == [verdict]
    assert load(tmp_path, HEAD + ONE).claims([1]) == []
    about = verdict | dict(runs=['rope'])
    assert load(tmp_path, f'{HEAD}{ONE}def claims(rows):\n    return [{about}]').claims([]) == [about]


@pytest.mark.parametrize(
    'body, message',
    [
        ('1 / 0', ':10: ZeroDivisionError: division by zero'),
        ('return 3', ': claims() gave 3, wanted a list of dicts'),
        ('return [3]', ': claims() gave 3, wanted a dict of texts'),
        ("return [dict(claim='a', verdict='PASS')]", 'wanted a dict of texts: claim, verdict and evidence'),
        ("return [dict(claim='a', verdict='PASS', evidence=1.5)]", 'wanted a dict of texts'),
        ("return [dict(claim='a', verdict='PASS', evidence='', runs='rope')]", 'wanted a dict of texts'),
        ("return [dict(claim='a', verdict='PASS', evidence='', run=['rope'])]", 'wanted a dict of texts'),
        ("return [dict(claim='a', verdict='pass', evidence='')]", "gave the verdict 'pass', wanted PASS or FAIL"),
    ],
)
def test_claims_that_raise_or_give_something_else_are_one_line(tmp_path, body, message):
    found = load(tmp_path, f'{HEAD}{ONE}def claims(rows):\n    {body}')
    with pytest.raises(UsageError) as error:
        found.claims([])
    assert message in str(error.value) and str(tmp_path / 'two_words.py') in str(error.value)


SCALED = (
    "def runs(scale):\n    return [Run('rope', 'configs/rope.py', {'train.steps': dict(mini=40, full=4000)[scale]})]\n"
)


def test_runs_may_take_a_scale_which_is_mini_unless_another_one_is_asked_for(tmp_path):
    found = load(tmp_path, HEAD + SCALED)
    assert (found.scale, found.runs[0].overrides) == ('mini', {'train.steps': '40'})
    full = experiment.load(tmp_path / 'two_words.py', 'full')
    assert (full.scale, full.runs[0].overrides) == ('full', {'train.steps': '4000'})
    assert load(tmp_path, HEAD + ONE).scale is None
    with pytest.raises(UsageError, match=r'--scale=full: .*two_words.py has one scale only: its runs\(\) takes none'):
        experiment.load(tmp_path / 'two_words.py', 'full')
