"""rows.jsonl: every key of the contract, every length and protocol, baselines, and NaN where the model has nothing."""

import dataclasses
import itertools
import json
import math
import subprocess

import numpy as np
import pytest

import posbench
from posbench.report import folder as report_folder
from posbench.report import rows as report_rows
from posbench.runs import rows as results
from posbench.training import evaluate
from posbench.training.progress import Progress
from tests import small_job

# fmt: off
KEYS = [
    'experiment', 'run', 'encoding', 'options', 'task', 'seed', 'split', 'length', 'metric', 'value', 'chance',
    'examples', 'step', 'train_length', 'params', 'encoding_params', 'wall_seconds', 'device', 'git_sha',
    'config_hash', 'version',
]
# fmt: on
SEEDS, PLACES = (3, 5), 20
LENGTHS = (16, 17, 32)
MEASURES = ('loss', 'perplexity', 'bits_per_character')


@pytest.fixture(scope='module')
def one():
    """Two seeds whose table of positions ends before the longest window does."""
    return small_job.build('learned', seeds=SEEDS, encoding__max_length=PLACES)


@pytest.fixture(scope='module')
def folder(one, tmp_path_factory):
    folder = tmp_path_factory.mktemp('run')
    (folder / 'timing.jsonl').write_text('{"step": 10, "seconds": 1.5}\n{"step": 20, "seconds": 2.0}\n')
    results.score(one, small_job.trained(one), folder, Progress(quiet=True), 'a_study')
    return folder


@pytest.fixture(scope='module')
def rows(folder):
    return [json.loads(line) for line in (folder / 'rows.jsonl').read_text('utf-8').splitlines()]


def of_run(rows):
    return [row for row in rows if not row['run'].startswith('baseline:')]


def cells(rows, seed=SEEDS[0], split='test') -> dict:
    return {(row['metric'], row['length']): row for row in rows if row['seed'] == seed and row['split'] == split}


def test_a_row_has_exactly_the_keys_of_the_contract_in_their_order(rows):
    assert rows
    for row in rows:
        assert list(row) == KEYS


def test_a_report_can_read_them(folder, rows):
    assert len(report_rows.read(folder / 'rows.jsonl')) == len(rows), 'two rows are about the same cell'


def test_every_seed_has_every_length_measure_and_protocol(rows):
    wanted = {(f'{protocol}/{name}', n) for protocol in ('windows', 'sliding') for name in MEASURES for n in LENGTHS}
    for seed in SEEDS:
        assert {cell for cell in cells(rows, seed) if cell[0] != 'loss_at_position'} == wanted
        assert set(cells(rows, seed, 'validation')) == {(f'windows/{name}', 16) for name in MEASURES}
    assert {row['seed'] for row in of_run(rows)} == set(SEEDS)


def test_seeds_have_values_of_their_own(rows):
    first, second = (cells(rows, seed)['windows/loss', 16]['value'] for seed in SEEDS)
    assert abs(first - second) > 1e-3


def test_values_are_those_of_the_evaluator(one, rows):
    trained = small_job.trained(one)
    for split, length, protocols in (('validation', 16, ['windows']), ('test', 17, ['windows', 'sliding'])):
        for scored in one.evaluator.scored(trained.params, trained.frozen, split, length):
            if scored.protocol in protocols:
                protocols.remove(scored.protocol)
                for seed, values in zip(SEEDS, one.evaluator.values(scored), strict=True):
                    for name, value in values.items():
                        row = cells(rows, seed, split)[f'{scored.protocol}/{name}', length]
                        assert row['value'] == pytest.approx(value, rel=1e-6)
                        assert row['examples'] == scored.examples
        assert protocols == []


def test_examples_are_the_targets_that_were_scored(rows):
    """200 tokens of the longest length, 32: windows of what fits, and of a sliding window the last 8."""
    examples = {cell: row['examples'] for cell, row in cells(rows).items() if cell[0].endswith('/loss')}
    windows = {('windows/loss', length): 200 // length * length for length in LENGTHS}
    assert examples == windows | {('sliding/loss', length): 200 // 32 * 8 for length in LENGTHS}


def test_past_its_table_a_model_has_nan_and_before_it_numbers(folder, rows):
    for row in of_run(rows):
        if row['metric'] != 'loss_at_position':
            assert math.isnan(row['value']) == (row['length'] > PLACES), row
        elif row['length'] > PLACES:
            assert math.isnan(row['value']), row
    assert ': NaN' in (folder / 'rows.jsonl').read_text('utf-8')
    assert ': null' not in ''.join(json.dumps(row['value']) for row in rows)


def test_the_first_unseen_place_has_a_loss_of_its_own(rows):
    for seed in SEEDS:
        places = [length for metric, length in cells(rows, seed) if metric == 'loss_at_position']
        assert places == sorted(places)
        assert {16, 17} <= set(places)
        assert places[-1] == 32
        for row in (cells(rows, seed)['loss_at_position', 16], cells(rows, seed)['loss_at_position', 17]):
            assert row['examples'] == 200 // 32


def test_losses_by_place_stand_under_their_seed_and_place(one, tmp_path):
    rows = results._Rows(one, small_job.trained(one), tmp_path, None)
    nats_SL = np.arange(2 * 20, dtype=float).reshape(2, 20)
    sums = [dict(nats_L=nats_L, weights_L=np.full(20, 4.0), characters_L=np.ones(20)) for nats_L in nats_SL]
    rows.by_place(evaluate.Scored('windows', 20, sums, 80, []), 'test')
    found = {(row['seed'], row['length']): row['value'] for row in rows.rows}
    assert found == {(seed, place + 1): nats_SL[s, place] / 4 for s, seed in enumerate(SEEDS) for place in range(20)}


def test_losses_by_place_are_means_over_targets_and_places_without_any_have_none(one, tmp_path):
    rows = results._Rows(one, small_job.trained(one), tmp_path, None)
    rng = np.random.default_rng(0)
    weights_L = rng.integers(1, 5, 200).astype(float)
    weights_L[40:44] = 0
    sums = dict(nats_L=rng.exponential(size=200) * weights_L, weights_L=weights_L, characters_L=weights_L)
    rows.by_place(evaluate.Scored('windows', 200, [sums, sums], 1, []), 'test')
    found = [row for row in rows.rows if row['seed'] == SEEDS[0]]
    bins = [(a, b) for a, b in results.bins(200, 16) if weights_L[a:b].any()]
    assert len(bins) < len(results.bins(200, 16))
    assert [row['length'] for row in found] == [stop for _, stop in bins]
    assert [row['examples'] for row in found] == [weights_L[a:b].sum() for a, b in bins]
    for row, (a, b) in zip(found, bins):
        assert row['value'] == pytest.approx(sums['nats_L'][a:b].sum() / weights_L[a:b].sum())
    overall = sum(row['value'] * row['examples'] for row in found) / weights_L.sum()
    assert overall == pytest.approx(one.task.values(sums)['loss'])


@pytest.mark.parametrize('length', [1, 5, 16, 17, 18, 128, 129, 1000])
@pytest.mark.parametrize('border', [1, 2, 16, 100, 128])
def test_bins_hold_every_place_once_and_the_first_unseen_one_alone(length, border):
    bins = results.bins(length, border)
    edges = [0, *(stop for _, stop in bins)]
    assert bins == list(itertools.pairwise(edges))
    assert edges[-1] == length
    assert all(a < b for a, b in bins)
    if length > border:
        assert {border, border + 1} <= set(edges)


def test_bins_grow_but_stay_narrow():
    edges = [0, *(stop for _, stop in results.bins(4096, 128))]
    assert edges[:17] == list(range(17))
    assert all(b - a <= max(a // 16, 1) for a, b in itertools.pairwise(edges))
    assert len(edges) < 130


def test_chance_is_the_unigram_model_in_the_same_unit(one, rows):
    for row in of_run(rows):
        unigram = one.task.text.baselines[row['split']]
        wanted = {
            'loss': unigram['unigram_tokens_nats'],
            'loss_at_position': unigram['unigram_tokens_nats'],
            'perplexity': math.exp(unigram['unigram_tokens_nats']),
            'bits_per_character': unigram['unigram'],
        }
        assert row['chance'] == wanted[row['metric'].split('/')[-1]]


def test_baselines_are_rows_without_a_model(one, rows):
    found = {(row['run'], row['split']): row for row in rows if row not in of_run(rows)}
    assert set(found) == {
        (f'baseline:{name}', split) for name in ('unigram', '5-gram') for split in ('validation', 'test')
    }
    known = ('run', 'task', 'split', 'metric', 'value', 'version')
    for (run, split), row in found.items():
        assert row['value'] == one.task.text.baselines[split][run.removeprefix('baseline:')]
        assert row['metric'] == 'windows/bits_per_character'
        assert row['task'] == 'text/random'
        assert all(row[key] is None for key in KEYS if key not in known)


def test_parts_stand_beside_the_rows_of_the_deciding_metric_and_have_their_mean(folder, rows):
    parts = results.read(folder, results.PARTS)
    metrics = [f'{protocol}/bits_per_character' for protocol in ('windows', 'sliding')]
    cell = ('split', 'seed', 'metric', 'length')
    wanted = {tuple(row[key] for key in cell): row for row in of_run(rows)
              if row['split'] == 'test' and row['metric'] in metrics}  # fmt: skip
    assert {tuple(line[key] for key in cell) for line in parts} == set(wanted)
    for line in parts:
        row = wanted[tuple(line[key] for key in cell)]
        assert (line['run'], line['step']) == (row['run'], row['step'])
        windows = 200 // line['length'] if line['metric'] == metrics[0] else 200 // 32
        assert len(line['values']) == windows
        if line['length'] <= PLACES:
            assert np.mean(line['values']) == pytest.approx(row['value'], rel=0.02)


def test_a_row_says_where_it_comes_from(one, rows):
    total, of_encoding = one.parameter_counts()
    wanted = dict(
        experiment='a_study',
        run='learned',
        encoding='learned',
        task='text/random',
        step=7,
        train_length=16,
        params=total,
        encoding_params=of_encoding,
        wall_seconds=3.5,
        config_hash=one.config_hash,
        version=posbench.__version__,
    )
    for row in of_run(rows):
        assert {key: row[key] for key in wanted} == wanted
        assert row['device'].startswith('1 x ')
        assert row['options']['encoding'] == dict(
            name='learned', module=None, max_length=PLACES, out_of_range='nan', init_std=1.0
        )
        assert row['options']['positions'] == dict(name='sequential', module=None)
    assert of_encoding == PLACES * 16


def test_parameters_are_counted_for_one_seed(one):
    total, _ = one.parameter_counts()
    assert total == sum(np.size(leaf[0]) for leaf in _leaves(small_job.trained(one).params))


def _leaves(tree):
    return [leaf for value in tree.values() for leaf in (_leaves(value) if isinstance(value, dict) else [value])]


def test_a_task_says_what_its_numbers_mean_and_a_report_reads_it(one, folder):
    study = report_folder.read(folder)
    (run,) = study.runs
    assert run.task.name == one.task_name == 'text/random'
    assert (run.task.deciding.name, run.task.deciding.unit) == ('bits_per_character', 'bits per character')
    assert {name: metric.better for name, metric in run.task.metrics.items()} == dict.fromkeys(MEASURES, 'lower')
    assert run.task.main == 'windows'
    assert {name: found.scores for name, found in run.task.protocols.items()} == one.task.protocols
    assert run.task.protocols['sliding'].label == 'last tokens'


def scored(tmp_path, step=20, run='rope', **plan) -> list[dict]:
    """The rows of a folder after one more scoring of weights that depend on nothing, at the end of so many steps."""
    job = small_job.build('rope', **{f'evaluate__{name}': value for name, value in plan.items()})
    job = dataclasses.replace(job, name=run)
    results.score(job, dataclasses.replace(small_job.trained(job), step=step), tmp_path, Progress(quiet=True))
    report_rows.read(tmp_path / 'rows.jsonl')
    return of_run(results.read(tmp_path))


def test_other_lengths_of_the_same_weights_come_beside_those_that_there_are(tmp_path):
    """The longest length decides which tokens a sliding window scores, so that those of before are scored anew."""
    before = scored(tmp_path, multiples=(1, 2))
    after = scored(tmp_path, multiples=(1, 4), first_unseen=False)
    assert {row['length'] for row in after if '/' in row['metric']} == {16, 17, 32, 64}
    kept = ('metric', 'length', 'split', 'seed', 'value', 'chance', 'examples', 'step')
    windows, again = ([[row[name] for name in kept] for row in rows if 'windows/' in row['metric']]
                      for rows in (before, after))  # fmt: skip
    assert [row for row in again if row[1] != 64] == windows
    sliding = {row['examples'] for row in after if row['metric'] == 'sliding/loss'}
    assert sliding == {200 // 64 * 8}, 'other targets at other lengths'
    places = [row['length'] for row in after if row['metric'] == 'loss_at_position']
    assert places == [stop for _, stop in results.bins(64, 16)]
    assert scored(tmp_path, multiples=(1,), first_unseen=False) == [
        row | dict(config_hash=again['config_hash'])
        for row, again in zip(after, of_run(results.read(tmp_path)), strict=True)
    ]


def test_rows_of_another_split_stay_and_those_of_other_weights_go(tmp_path):
    of_test = scored(tmp_path, multiples=(1,), first_unseen=False)
    both = scored(tmp_path, multiples=(1,), first_unseen=False, split='validation')
    kept = [row for row in of_test if row['split'] == 'test']
    assert [row for row in both if row['split'] == 'test'] == kept
    lengths = {(row['split'], row['metric']) for row in both if '/' in row['metric']}
    assert {split for split, metric in lengths if metric == 'sliding/loss'} == {'test', 'validation'}
    later = scored(tmp_path, step=40, multiples=(1,), first_unseen=False, split='validation')
    assert {(row['step'], row['split']) for row in later} == {(40, 'validation')}


def test_a_run_is_called_as_its_config_in_a_study_as_its_folder_and_then_as_before(tmp_path):
    folder = tmp_path / 'tuned'
    folder.mkdir()
    assert results.name_of(folder, 'rope') == 'rope'
    assert results.name_of(folder, 'rope', 'a_study') == 'tuned'
    scored(folder, run='a_name', multiples=(1,), first_unseen=False)
    assert results.name_of(folder, 'rope') == results.name_of(folder, 'rope', 'a_study') == 'a_name'


def test_the_hash_of_a_config_changes_with_any_knob():
    jobs = [small_job.build('learned', **changes) for changes in ({}, {}, dict(optimizer__eps=1e-7), dict(seeds=(1,)))]
    hashes = [one.config_hash for one in jobs]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 3


def test_a_second_phase_changes_the_hash_only_where_there_is_one():
    plain, unused, used, other = (
        small_job.build('learned', **changes).config_hash
        for changes in (
            {},
            dict(second_phase__learning_rate=0.5),
            dict(second_phase__encoding__name='none'),
            dict(second_phase__encoding__name='none', second_phase__learning_rate=0.5),
        )
    )
    assert plain == unused
    assert len({plain, used, other}) == 3


def test_both_encodings_of_a_run_of_two_phases_have_rows(tmp_path):
    job = small_job.build('drope', evaluate__multiples=(1,), evaluate__first_unseen=False)
    before = dataclasses.replace(small_job.trained(job.before), step=15)
    results.score(job, dataclasses.replace(small_job.trained(job), before=before), tmp_path, Progress(quiet=True))
    rows = [json.loads(line) for line in (tmp_path / 'rows.jsonl').read_text('utf-8').splitlines()]
    first, second = ([row for row in rows if row['run'] == name] for name in ('drope (rotary)', 'drope'))
    assert len(first) == len(second) > 0
    assert {(row['encoding'], row['step'], row['params']) for row in first} == {
        ('rotary', 15, job.before.parameter_counts()[0])
    }
    assert {(row['encoding'], row['step'], row['params']) for row in second} == {('none', 7, job.parameter_counts()[0])}
    assert first[0]['options']['encoding']['name'] == 'rotary'
    assert second[0]['options']['encoding'] == dict(name='none', module=None)
    assert len(rows) - 2 * len(first) == 4, 'reference models stand there once'
    values = [[row['value'] for row in part] for part in (first, second)]
    assert values[0] != values[1]
    assert len(report_rows.read(tmp_path / 'rows.jsonl')) == len(rows)


def test_outside_of_a_checkout_the_commit_is_unknown(monkeypatch):
    def absent(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, 'run', absent)
    assert results._git_sha() is None
