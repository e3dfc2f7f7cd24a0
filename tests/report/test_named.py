"""A study names its runs: their rows count where they are of the config that it means, and nothing else does."""

import json

import pytest

from posbench import identity, manifest, report
from posbench.report import folder as folder_lib
from posbench.report import named
from posbench.report.rows import ReportError
from tests.report.runs import rows_of, write_lines, write_run

QUESTION = 'Does <it> hold?'


def config_of(name: str, **changes) -> dict:
    phase = dict(second_phase=dict(encoding=dict(name=None)), generate=dict(prompt='It'))
    return dict(encoding=dict(name=name), seeds=[0], train=dict(steps=2000), **phase) | changes


def write(folder, names=('rope', 'alibi'), **changes):
    """A study as its driver would leave it."""
    ids = {}
    for name in names:
        ids[name] = identity.config_hash(config_of(name))
        write_run(folder / name, name, range(1), config_hash=ids[name])
        (folder / name / 'config.json').write_text(json.dumps(config_of(name)))
    item = dict(title='A study', question=QUESTION, experiment='experiments/a.py', overrides={}, runs=ids) | changes
    (folder / 'study.json').write_text(json.dumps(item))
    return folder


def said(folder) -> tuple[list[str], dict[str, str], dict[str, str]]:
    """The runs that count, those without results, and what is left over."""
    found = folder_lib.read(folder)
    failed = {item['run']: item['reason'] for item in found.failed}
    return [run.name for run in found.runs], failed, {item['name']: item['why'] for item in found.left_over}


def test_title_question_and_overrides_of_a_trial_are_on_the_page(tmp_path):
    made = report.build(write(tmp_path, overrides={'train.steps': '40'}), terminal=False)
    page, text = made.html.read_text(), made.markdown.read_text()
    trial = 'A trial: config.train.steps=40 in all runs, whatever the study says of them.'
    assert '<h1>A study</h1>' in page and 'Does &lt;it&gt; hold?' in page and trial in page
    assert text.startswith('# A study\n') and 'hold?' in text and trial in text.replace('\\', '')
    assert 'A trial' not in report.build(write(tmp_path), terminal=False).html.read_text()


def test_what_the_study_does_not_name_is_left_over_and_said_to_be(tmp_path, capsys):
    folder = write(tmp_path)
    write_run(folder / 'removed', 'removed', range(1))
    write_run(folder / 'rope' / 'copy', 'rope', range(1, 2))
    (folder / 'gone').mkdir()
    (folder / 'gone' / 'failed.json').write_text('{"run": "gone", "reason": "nan"}')
    why = 'no run of this study'
    assert said(folder) == (['alibi', 'rope'], {}, {'removed': why, 'rope/copy': why, 'gone': why})
    made = report.build(folder)
    assert '<strong>removed</strong><small>no run of this study</small>' in made.html.read_text()
    assert '| removed | no run of this study |' in made.markdown.read_text()
    assert 'left over: rope/copy (no run of this study)' in capsys.readouterr().out
    assert '| removed |' not in made.markdown.read_text().partition('### Left over')[0]


def test_a_run_of_another_config_does_not_count(tmp_path):
    folder = write(tmp_path)
    (folder / 'rope' / 'config.json').write_text(json.dumps(config_of('rope', seeds=[1])))
    names, failed, left = said(folder)
    assert (names, list(left)) == (['alibi'], ['rope'])
    assert failed == {'rope': 'its folder holds a run of another config'}


def test_a_config_without_a_bearing_on_numbers_may_differ(tmp_path):
    folder = write(tmp_path)
    (folder / 'rope' / 'config.json').write_text(json.dumps(config_of('rope', generate=dict(prompt='She'))))
    assert said(folder) == (['alibi', 'rope'], {}, {})


@pytest.mark.parametrize(
    'changes, reason',
    [
        (dict(config_hash='0'), 'scored by other settings since; the study scores it anew'),
        (dict(step=500), 'scored at step 500 of 2000: not finished'),
    ],
)
def test_rows_of_other_settings_or_an_earlier_step_do_not_count(tmp_path, changes, reason):
    folder = write(tmp_path)
    known = dict(config_hash=identity.config_hash(config_of('rope')))
    write_lines(folder / 'rope' / 'rows.jsonl', rows_of('rope', range(1), **known | changes))
    assert said(folder) == (
        ['alibi'], {'rope': reason}, {'rope': 'rows of a run that did not end as this study means it'}
    )  # fmt: skip


def test_rows_of_another_split_that_were_scored_otherwise_are_left_out(tmp_path):
    folder = write(tmp_path)
    path = folder / 'rope' / 'rows.jsonl'
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    other = [line for line in lines if line['split'] == 'validation']
    for line in other:
        line['config_hash'] = '0'
    write_lines(path, lines)
    names, failed, left = said(folder)
    assert (names, failed) == (['alibi', 'rope'], {})
    assert left == {'rope': f'{len(other)} rows that were scored by other settings'}
    (rope,) = [run for run in folder_lib.read(folder).runs if run.name == 'rope']
    assert {row.split for row in rope.rows} == {'test'}


def test_runs_without_results_say_why(tmp_path):
    folder = write(tmp_path, ('rope', 'alibi', 'shaw', 't5', 'none'))
    for name in ('alibi', 'shaw', 't5'):
        (folder / name / 'rows.jsonl').unlink()
    (folder / 'alibi' / 'failed.json').write_text('{"run": "alibi", "reason": "loss is nan"}')
    (folder / 't5' / 'config.json').unlink()
    # It was finished by hand since.
    (folder / 'none' / 'failed.json').write_text('{"run": "none", "reason": "loss is nan"}')
    failed = dict(alibi='loss is nan', shaw='no rows.jsonl: not finished', t5='not begun')
    assert said(folder) == (['none', 'rope'], failed, {})


def test_rows_are_called_as_the_study_calls_their_run(tmp_path):
    folder = write(tmp_path)
    lines = rows_of('old', range(1), config_hash=identity.config_hash(config_of('rope')))
    first = [line | dict(run='old (none)', step=1000) for line in lines if not line['run'].startswith('baseline:')]
    write_lines(folder / 'rope' / 'rows.jsonl', first + lines)
    assert said(folder)[0] == ['alibi', 'rope', 'rope (none)']


def test_verdicts_on_other_rows_are_no_verdicts(tmp_path):
    folder = write(tmp_path)
    claims = [dict(claim='holds', verdict='PASS', evidence='')]
    judged = named.digest(folder, folder_lib.read(folder).runs)
    (folder / 'claims.json').write_text(json.dumps(dict(rows=judged, claims=claims)))
    assert folder_lib.read(folder).claims == claims
    write_lines(folder / 'rope' / 'rows.jsonl', rows_of('rope', range(1), 2.5, config_hash=identity.config_hash(
        config_of('rope'))))  # fmt: skip
    found = folder_lib.read(folder)
    assert found.claims == []
    assert found.left_over == [dict(name='claims.json', why='verdicts on other rows; the study judges them anew')]


@pytest.mark.parametrize('text', ['{', '[]', '{}', '{"title": 3}'])
def test_a_damaged_study_json_is_one_line(tmp_path, text):
    folder = write(tmp_path)
    (folder / 'study.json').write_text(text)
    with pytest.raises(ReportError, match=r'study\.json') as error:
        folder_lib.read(folder)
    assert '\n' not in str(error.value)


def test_a_study_json_names_no_folders_outside(tmp_path):
    with pytest.raises(ReportError, match='names of folders'):
        folder_lib.read(write(tmp_path, runs={'../x': 'abc'}))


def folders(tmp_path, **configs) -> dict[str, int]:
    """Runs of one name in folders without a study.json, a seed each: the names that they get, and how many seeds."""
    for seed, (name, config) in enumerate(configs.items()):
        write_run(tmp_path / name, 'rope', [seed])
        if config is None:
            (tmp_path / name / 'config.json').unlink()
        else:
            (tmp_path / name / 'config.json').write_text(json.dumps(config))
    return {run.name: len({row.seed for row in run.rows}) for run in folder_lib.read(tmp_path).runs}


def test_folders_of_one_config_with_other_seeds_are_one_run(tmp_path):
    assert folders(tmp_path, a=config_of('rope'), b=config_of('rope', seeds=[1])) == {'rope': 2}


def test_folders_of_other_configs_are_never_seeds_of_one_another(tmp_path):
    short = config_of('rope', train=dict(steps=20))
    configs = dict(a=config_of('rope'), b=short, c=short | dict(seeds=[2]), d=None, e=None)
    assert folders(tmp_path, **configs) == {'rope (a)': 1, 'rope (b, c)': 2, 'rope (d)': 1, 'rope (e)': 1}


def test_vectors_may_be_gone_and_what_a_report_reads_may_not(tmp_path):
    folder = write(tmp_path)
    place = folder / 'rope'
    for name in ('vectors.safetensors', 'samples.json'):
        (place / name).write_text(json.dumps(dict(about='x', texts=[])))
    manifest.vouch(place, ['rows.jsonl', 'vectors.safetensors', 'samples.json'], {}, {})
    assert folder_lib.read(folder).changed == []
    (place / 'vectors.safetensors').write_text('{}')
    assert folder_lib.read(folder).changed == [
        f'{place}: vectors.safetensors has 2 bytes, not 27; it was changed after the run.'
    ]
    (place / 'vectors.safetensors').unlink()
    assert folder_lib.read(folder).changed == []
    (place / 'samples.json').unlink()
    assert folder_lib.read(folder).changed == [f'{place}: samples.json is missing; it was changed after the run.']
