"""A study: what is run, what is skipped, what a failure or a signal does, and the verdicts on its claims."""

import contextlib
import json
import re
import signal
import types

import pytest

from posbench.devices import cluster
from posbench.knobs.kinds import UsageError
from posbench.knobs.user_file import ROOT
from posbench.report import folder as folder_lib
from posbench.runs import experiment, live, locks
from tests.runs.conftest import STUDY


def verdict(study) -> str:
    """What the claims of the last study were judged by."""
    (claim,) = json.loads((study.results / 'claims.json').read_text('utf-8'))['claims']
    return claim['evidence']


def test_a_failing_run_is_written_down_and_the_others_finish(study, capsys):
    assert study() == (1, ['rope', 'bad', 'alibi', 'shaw'])
    failed = json.loads((study.results / 'bad' / 'failed.json').read_text('utf-8'))
    assert failed == dict(run='bad', kind='error', reason='loss is nan at step 3', attempts=1)
    assert not list(study.results.glob('[!b]*/failed.json'))
    assert 'starting' in (study.results / 'bad' / 'log.txt').read_text('utf-8')
    assert re.search(r'exit 1 after \d+ s: loss is nan at step 3', capsys.readouterr().out)


@pytest.mark.parametrize(
    'name, reason',
    [
        ('killed', 'ended by SIGKILL; it said last: starting'),
        ('empty', 'it left no rows of this config and its last step; it said last: starting'),
    ],
)
def test_a_run_that_ends_without_a_word_or_a_row_has_failed(study, name, reason):
    study.edit('bad=2', f'{name}=2')
    assert study(f'--only={name}', '--retries=0') == (1, [name])
    assert json.loads((study.results / name / 'failed.json').read_text('utf-8'))['reason'] == reason


def test_each_of_several_processes_has_its_part_of_the_runs_to_itself(study, monkeypatch):
    def join(index):
        for name, value in dict(COORDINATOR_ADDRESS='host:1', NUM_PROCESSES='2', PROCESS_ID=index).items():
            monkeypatch.setenv(f'JAX_{name}', value)

    join('1')
    for flag, words in (
        ('--shard=0/2', 'a part of the study and 2 processes'),
        ('--config.distributed=true', 'got true'),
    ):
        with pytest.raises(UsageError, match=words):
            study(flag)
    assert study() == (1, ['bad', 'shaw'])
    # Which its runs would have joined.
    assert cluster.named() is None
    join('0')
    assert study() == (0, ['rope', 'alibi'])
    assert verdict(study) == 'alibi rope shaw'


def test_claims_and_report_are_made_of_the_rows_of_all_runs(study):
    study()
    assert verdict(study) == 'alibi rope shaw'
    assert study.reports == [study.results]


def test_claims_that_raise_are_one_line_after_the_report(study):
    study.edit('return [dict(', 'return [{}[3], dict(')
    with pytest.raises(UsageError, match=r'small_study.py:10: KeyError: 3'):
        study('--only=rope')
    assert study.reports == [study.results]
    assert not (study.results / 'claims.json').exists()


def test_that_no_claim_could_be_judged_is_said(study, capsys):
    study.path.write_text(STUDY.partition('def claims')[0] + 'def claims(rows):\n    return []\n')
    study()
    assert 'Claims: none was judged' in capsys.readouterr().out


def test_what_is_done_is_skipped_and_what_failed_is_tried_again(study, capsys):
    study()
    capsys.readouterr()
    assert study()[1] == ['bad']
    assert capsys.readouterr().out.count('done before') == 3
    assert study('--quiet', '--only=alibi') == (0, [])
    assert capsys.readouterr().out == ''


def test_a_failure_that_was_mended_is_forgotten(study):
    study('--only=bad')
    study.edit('bad=2', 'good=2')
    (study.results / 'bad').rename(study.results / 'good')
    assert (study.results / 'good' / 'failed.json').exists()
    assert study('--only=good') == (0, ['good'])
    assert not (study.results / 'good' / 'failed.json').exists()


def test_a_study_that_changed_keeps_no_numbers_of_another_config(study):
    study()
    study.edit("'2000'", "'1000'")
    before = {path: path.read_bytes() for path in study.results.rglob('*.*')}
    with pytest.raises(UsageError, match=r'rope: it holds another run, and so do .*train.steps is 2000 there and 1000'):
        study()
    assert before == {path: path.read_bytes() for path in study.results.rglob('*.*')}


def test_the_folder_of_a_failed_run_without_results_may_have_another_config(study):
    study('--only=bad')
    (study.results / 'bad' / 'config.json').write_text('{}')
    assert study('--only=bad') == (1, ['bad --resume=never'])


def test_weights_that_were_scored_otherwise_since_are_scored_again(study):
    study('--only=rope')
    rows = study.results / 'rope' / 'rows.jsonl'
    written = rows.read_text()
    rows.write_text(written.replace('"config_hash": "', '"config_hash": "x'))
    assert study('--only=rope') == (0, ['rope --mode=evaluate'])
    assert rows.read_text() == written


def test_removed_runs_stray_copies_and_other_configs_are_left_over(study):
    study('--only=[ars]*')
    study.edit(', alibi=3', '')
    copy = study.results / 'copy of shaw'
    copy.mkdir()
    for name in ('config.json', 'rows.jsonl', 'task.json'):
        (copy / name).write_bytes((study.results / 'shaw' / name).read_bytes())
    assert study('--only=[rs]*') == (0, [])
    assert verdict(study) == 'rope shaw'
    found = folder_lib.read(study.results)
    assert [run.name for run in found.runs] == ['rope', 'shaw']
    assert found.failed == [dict(run='bad', reason='not begun')]
    why = 'no run of this study'
    assert found.left_over == [dict(name='alibi', why=why), dict(name='copy of shaw', why=why)]


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
    assert study('--dry_run', '--only=*a*')[0] == 0
    assert [line.split(':')[0] for line in capsys.readouterr().out.splitlines()] == ['bad', 'alibi', 'shaw']
    assert not study.results.exists()
    assert not study.reports


def test_a_study_without_rows_has_no_report(study):
    assert study('--only=bad') == (1, ['bad'])
    assert not study.reports
    assert not (study.results / 'claims.json').exists()


def test_nothing_is_run_where_one_config_of_all_is_wrong(study):
    study.edit('shaw=4', 'shaw=-4')
    with pytest.raises(UsageError, match=r"run 'shaw': config.encoding.theta: got -4, wanted a finite number above 0"):
        study('--only=rope')
    assert not study.results.exists()


def test_a_signal_stops_the_run_under_way_which_saves_and_the_study_goes_on_later(study, capsys):
    study.edit('bad=2', 'stopped=2')
    assert study() == (128 + signal.SIGINT, ['rope', 'stopped'])
    out, err = capsys.readouterr()
    assert re.search(r'stopped after \d+ s: SIGTERM: saved step 3; the same command goes on from there\.', out)
    assert err.splitlines()[-1] == (
        'launch.py: SIGINT: stopped in stopped, 1 of 4 runs are done; the same command goes on from there.'
    )
    assert not list(study.results.glob('*/failed.json'))
    assert not study.reports
    assert study('--only=[!s]*') == (0, ['alibi'])


def test_a_second_driver_says_who_is_at_work_and_other_parts_go_on_beside_it(study):
    study('--only=rope')
    with locks.held(study.results / '.lock.0-of-1', 'x'):
        with pytest.raises(UsageError, match=r'process \d+ is running this study; wait until it ends'):
            study()
        assert study('--shard=0/2') == (0, ['alibi'])


def test_a_run_that_somebody_is_at_work_in_comes_last_and_has_not_failed(study, capsys, monkeypatch):
    folder = study.results / 'rope'
    folder.mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        stack.enter_context(locks.held(folder / '.lock'))
        # That process ends while the study waits for it.
        say = live.Plain.say
        monkeypatch.setattr(live.Plain, 'say', lambda *of: (say(*of), 'its end' in of[1] and stack.close()))
        assert study('--only=[ar]*') == (0, ['alibi', 'rope'])
    words = [line.rpartition('; ')[2] for line in capsys.readouterr().out.splitlines() if 'is at work in it' in line]
    assert words == ['the others first', 'waiting for its end']
    assert not (folder / 'failed.json').exists()


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
    for item in experiment.load(ROOT / 'experiments' / 'length_curves.py').claims(rows):
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
