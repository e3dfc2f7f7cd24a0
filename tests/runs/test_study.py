"""A study: what is run, what is skipped, what a failure does, and the verdicts on its claims."""

import json
import pathlib
import sys
import types

import pytest

from posbench import report
from posbench.knobs import command_line
from posbench.knobs.kinds import UsageError
from posbench.runs import study as studies
from tests.report.runs import rows_of

EXPERIMENTS = sorted((studies.ROOT / 'experiments').glob('*.py'))
STUDY = """
from posbench.runs.study import Run

def runs():
    return [Run(name, 'configs/rope.py', {'train.steps': '2000'}) for name in ('rope', 'bad', 'alibi', 'shaw')]

def claims(rows):
    runs = sorted({row.run for row in rows if not row.is_baseline})
    return [dict(claim='all runs are here', verdict='FAIL', evidence=' '.join(runs))]
"""

# Stands for launch.py: notes its start, and then fails, or writes the files it was given into its folder.
FAKE = """
import json, os, sys
name, files, started, folder = sys.argv[1:]
with open(started, 'a') as file:
    file.write(name + ' ')
print('starting')
if name == 'bad':
    sys.exit('loss is nan at step 3')
for path, text in json.load(open(files)).items():
    with open(os.path.join(folder, path), 'w') as file:
        file.write(text)
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """study(...) runs four runs, of which 'bad' fails, in processes that stand for launch.py: (code, names started)."""
    path, script, started, reports = tmp_path / 'small_study.py', tmp_path / 'fake.py', tmp_path / 'started', []
    path.write_text(STUDY)
    started.touch()

    def command(one, request):
        folder = request.workdir / one.name
        files = {'config.json': json.dumps(dict(train=dict(steps=2000)))}
        files['rows.jsonl'] = ''.join(json.dumps(row) + '\n' for row in rows_of(one.name, seeds=(0,)))
        script.write_text(FAKE)
        (tmp_path / one.name).write_text(json.dumps(files))
        return [sys.executable, '-I', '-S', str(script), one.name, str(tmp_path / one.name), str(started), str(folder)]

    monkeypatch.setattr(studies, '_command', command)
    monkeypatch.setattr(report, 'build', reports.append)

    def run(*flags):
        started.write_text('')
        request = command_line.parse([f'--experiment={path}', f'--workdir={tmp_path / "results"}', *flags])
        return studies.run(request), started.read_text().split()

    run.results, run.reports, run.path = tmp_path / 'results', reports, path
    return run


def test_a_failing_run_is_written_down_and_the_others_finish(study):
    assert study() == (1, ['rope', 'bad', 'alibi', 'shaw'])
    failed = json.loads((study.results / 'bad' / 'failed.json').read_text('utf-8'))
    assert failed == dict(run='bad', reason='loss is nan at step 3')
    assert not list(study.results.glob('[!b]*/failed.json'))
    assert 'starting' in (study.results / 'bad' / 'log.txt').read_text('utf-8')


def test_claims_and_report_are_made_of_the_rows_of_all_runs(study):
    study()
    claims = json.loads((study.results / 'claims.json').read_text('utf-8'))
    assert claims == [dict(claim='all runs are here', verdict='FAIL', evidence='alibi rope shaw')]
    assert study.reports == [study.results]


def test_that_no_claim_could_be_judged_is_said(study, capsys):
    study.path.write_text(STUDY.partition('def claims')[0] + 'def claims(rows):\n    return []\n')
    study()
    assert 'Claims: none was judged' in capsys.readouterr().out


def test_what_is_done_is_skipped_and_what_failed_is_tried_again(study, capsys):
    study()
    capsys.readouterr()
    assert study() == (1, ['bad'])
    assert capsys.readouterr().out.count('done before') == 3


def test_a_failure_that_was_mended_is_forgotten(study):
    study('--only=bad')
    study.path.write_text(STUDY.replace("'bad'", "'good'"))
    (study.results / 'bad').rename(study.results / 'good')
    assert (study.results / 'good' / 'failed.json').exists()
    assert study('--only=good') == (0, ['good'])
    assert not (study.results / 'good' / 'failed.json').exists()


def test_only_selects_by_pattern(study):
    assert study('--only=*a*', '--dry_run')[0] == 0
    assert study('--only=s*') == (0, ['shaw'])
    with pytest.raises(UsageError, match=r'--only=ropes: no run .* Runs: rope, bad, alibi, shaw') as error:
        study('--only=ropes')
    assert '\n' not in str(error.value)


def test_shards_are_all_runs_once(study):
    found = [study(f'--shard={part}/3')[1] for part in range(3)]
    assert found == [['rope', 'shaw'], ['bad'], ['alibi']]
    assert [study(f'--shard={part}/2', '--only=*a*', '--dry_run')[1] for part in range(2)] == [[], []]


def test_a_part_without_runs_has_nothing_to_do(study):
    assert study('--shard=8/9') == (0, [])
    assert study('--shard=1/2', '--only=rope') == (0, [])


def test_a_dry_run_lists_and_runs_nothing(study, capsys):
    assert study('--dry_run', '--only=*a*') == (0, [])
    assert [line.split(':')[0] for line in capsys.readouterr().out.splitlines()] == ['bad', 'alibi', 'shaw']
    assert not study.results.exists()
    assert not study.reports


def test_a_study_without_rows_has_no_report(study):
    assert study('--only=bad') == (1, ['bad'])
    assert not study.reports
    assert not (study.results / 'claims.json').exists()


@pytest.mark.parametrize(
    'text, message', [('x = 1', r'no runs\(\)'), ('1 / 0', 'ZeroDivisionError'), ('def', 'SyntaxError')]
)
def test_a_file_that_is_no_experiment_is_one_line(tmp_path, text, message):
    path = tmp_path / 'bad.py'
    path.write_text(text)
    with pytest.raises(UsageError, match=message) as error:
        studies.load(path)
    assert str(path) in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('path', EXPERIMENTS, ids=lambda path: path.stem)
def test_every_run_of_every_experiment_is_a_command_that_is_understood(path):
    experiment = studies.load(path)
    runs = experiment.runs()
    names = [one.name for one in runs]
    assert names and len(set(names)) == len(names)
    assert experiment.__doc__
    request = command_line.parse([f'--experiment={path}', '--devices=2', '--workdir=somewhere'])
    for one in runs:
        assert (studies.ROOT / one.config).is_file()
        python, launch, config, *rest = studies._command(one, request)
        assert (python, launch) == (sys.executable, 'launch.py')
        config = f'--config={studies.ROOT / config.removeprefix("--config=")}'
        got = command_line.parse([config, *rest])
        assert got.config.experiment == path.stem
        assert (studies.ROOT / got.workdir).resolve() == pathlib.Path('somewhere', one.name).resolve()
        assert got.devices == 2


# Bits per character of each run at 1x, 2x and 8x, sliding and by windows: all claims hold.
HOLDS = {
    'sinusoidal': (2.0, 2.5, 4.0),
    'learned': (2.0, 2.6, 3.1),
    'alibi': (2.0, 1.99, 2.09),
    'rope': (2.0, 2.2, 3.0),
    't5': (2.0, 2.05, 2.4),
    'randomized_rope': (2.1, 2.1, 2.2),
}
CLAIMS = ('sinusoidal falls', 'learned falls', 'ALiBi', 'Rotary degrades', "T5's", 'Random positions')


def verdicts(windows=None, **changes) -> dict[str, str]:
    """PASS or FAIL by the claim's first words, from two seeds that scatter about the values."""
    rows = []
    for protocol, table in (('sliding', HOLDS | changes), ('windows', HOLDS | (windows or {}))):
        for run, values in table.items():
            for multiple, value in zip((1, 2, 8), values or ()):
                for seed, add in ((0, -0.001), (1, 0.001)):
                    rows.append(
                        types.SimpleNamespace(
                            run=run, split='test', metric=f'{protocol}/bits_per_character', length=128 * multiple,
                            train_length=128, seed=seed, value=value + add,
                        )
                    )  # fmt: skip
    # None of these may count: another split, another measure, a baseline.
    for other in (dict(split='validation'), dict(metric='sliding/loss'), dict(run='baseline:unigram', length=None)):
        rows.append(types.SimpleNamespace(**(vars(rows[0]) | dict(value=1e9) | other)))
    found = {}
    for item in studies.load(studies.ROOT / 'experiments' / 'length_curves.py').claims(rows):
        assert set(item) == {'claim', 'verdict', 'evidence'}
        found |= {claim: item['verdict'] for claim in CLAIMS if item['claim'].startswith(claim)}
    return found


def test_the_claims_about_lengths_pass_where_they_hold():
    assert verdicts() == dict.fromkeys(CLAIMS, 'PASS')


NAN = float('nan')


@pytest.mark.parametrize(
    'claim, changes',
    [
        ('sinusoidal falls', dict(sinusoidal=(2.0, 2.5, 2.9))),
        ('learned falls', dict(learned=(2.0, 2.6, 2.9))),
        ('ALiBi', dict(alibi=(2.0, 1.99, 2.2))),
        ('ALiBi', dict(windows=dict(alibi=(2.0, 1.99, 2.2)))),
        ('ALiBi', dict(windows=dict(alibi=(2.0, 1.99, NAN)))),
        ('ALiBi', dict(alibi=(2.0, 1.99, NAN))),
        ('Rotary degrades', dict(rope=(2.0, 1.9, 3.0))),
        ('Rotary degrades', dict(rope=(2.0, 2.6, 3.0))),
        ("T5's", dict(t5=(2.0, 2.2, 2.2))),
        ('Random positions', dict(randomized_rope=(2.1, 2.1, 3.1))),
        ('Random positions', dict(randomized_rope=(2.1, 2.1, NAN))),
    ],
    ids=str,
)
def test_a_claim_about_lengths_fails_where_it_does_not_hold(claim, changes):
    assert verdicts(**changes) == dict.fromkeys(CLAIMS, 'PASS') | {claim: 'FAIL'}


@pytest.mark.parametrize('missing', [None, (2.0,)], ids=['no rows', 'only 1x'])
def test_a_claim_whose_rows_are_missing_is_left_out(missing):
    assert set(verdicts(alibi=missing)) == set(CLAIMS) - {'ALiBi'}
    assert set(verdicts(rope=missing)) == set(CLAIMS) - {'Rotary degrades', 'Random positions'}
