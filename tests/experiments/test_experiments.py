"""The experiments on papers' tables: what they are made of, and claims that hold, fail, or cannot be judged yet."""

import ast
import pathlib
import re

import pytest

from posbench import tasks
from posbench.knobs import schema, user_file
from posbench.report import rows
from posbench.runs import experiment
from tests.experiments.worlds import CHANCE, WORLDS

FOLDER = pathlib.Path(__file__).parents[2] / 'experiments'
PATHS = {name: FOLDER / f'{name}.py' for name in WORLDS}
# What a row says besides, which no claim reads.
REST = dict.fromkeys(rows.Row.__dataclass_fields__)


def names(name: str) -> dict:
    return user_file.load(PATHS[name])


def config(run: experiment.Run):
    knobs = {knob: text.replace('{study}', 'study') for knob, text in run.overrides.items()}
    return schema.load(user_file.ROOT / run.config, knobs)


def lengths(run: experiment.Run) -> tuple[int, list[int]]:
    """The training length, and all that are scored."""

    def numbers(knob, default=()):
        return [int(text) for text in run.overrides[knob].split(',')] if knob in run.overrides else list(default)

    trained = int(run.overrides.get('train.length', 16))
    multiples = numbers('evaluate.multiples', (1, 4, 9))
    unseen = [] if run.overrides.get('evaluate.first_unseen') == 'False' else [trained + 1]
    found = {trained * multiple for multiple in multiples}.union(numbers('evaluate.lengths'), unseen)
    return trained, sorted(found)


def rows_of(name: str, value, without: str | None = None) -> list[rows.Row]:
    """Three seeds or more of every mini run but one, as if they had measured `value`."""
    found = []
    for run in names(name)['runs']('mini'):
        trained, scored = lengths(run)
        for metric in WORLDS[name].metrics:
            for n in scored:
                for seed in map(int, run.overrides['seeds'].split(',')):
                    measured = value(run.name, metric, n, n / trained) * (1 + 1e-5 * seed)
                    cell = dict(run=run.name, metric=metric, length=n, seed=seed, split='test', chance=CHANCE)
                    found.append(rows.Row(**REST | cell | dict(value=measured, train_length=trained)))
    return [row for row in found if row.run != without]


def verdicts(name: str, value) -> list[str]:
    return [verdict['verdict'] for verdict in experiment.load(PATHS[name]).claims(rows_of(name, value))]


def numbered(name: str) -> int:
    """The claims that the docstring numbers."""
    return len(re.findall(r'^\d+\. ', ast.get_docstring(ast.parse(PATHS[name].read_text('utf-8'))), re.MULTILINE))


def test_every_experiment_on_a_paper_has_a_world_here():
    assert {path.stem for path in FOLDER.glob('*.py') if 'The paper: ' in path.read_text('utf-8')} == set(WORLDS)


@pytest.mark.parametrize('name', WORLDS)
def test_claims_hold_where_all_is_as_in_the_paper_and_fail_where_it_is_not(name):
    assert verdicts(name, WORLDS[name].holds) == ['PASS'] * numbered(name)
    assert verdicts(name, WORLDS[name].fails) == ['FAIL'] * numbered(name)
    runs = {run.name for scale in ('mini', 'full') for run in names(name)['runs'](scale)}
    for verdict in experiment.load(PATHS[name]).claims(rows_of(name, WORLDS[name].holds)):
        assert set(verdict['runs']) <= runs


@pytest.mark.parametrize('name', WORLDS)
def test_nothing_holds_of_runs_that_diverged(name):
    found = verdicts(name, lambda run, metric, n, m: float('nan'))
    assert found == ['FAIL'] * numbered(name)


@pytest.mark.parametrize('name', WORLDS)
def test_a_claim_whose_rows_are_missing_is_left_out(name):
    source = experiment.load(PATHS[name])
    assert source.claims([]) == []
    for run in source.runs:
        found = source.claims(rows_of(name, WORLDS[name].holds, without=run.name))
        assert all(verdict['verdict'] == 'PASS' for verdict in found)


@pytest.mark.parametrize('name', WORLDS)
def test_a_docstring_says_the_command_both_scales_and_the_time(name):
    source = experiment.load(PATHS[name])
    text = ' '.join(ast.get_docstring(ast.parse(PATHS[name].read_text('utf-8'))).split())
    assert source.question.endswith('?')
    assert f'--experiment=experiments/{name}.py --scale=mini' in text
    for part in ('The paper: ', 'Mini: ', 'Full', 'before the runs', 'Time: '):
        assert part in text, part


@pytest.mark.parametrize('name', WORLDS)
def test_both_scales_have_runs_of_the_same_seeds_and_the_full_one_resolves(name):
    for scale in ('mini', 'full'):
        runs = names(name)['runs'](scale)
        assert len({run.name for run in runs}) == len(runs)
        assert len({run.overrides['seeds'] for run in runs}) == 1
    # The mini ones are resolved in tests/runs/test_plan.py. The same knobs with another value are as good, or as bad.
    kinds = {(run.config, run.overrides.get(knob), *run.overrides): run
             for run in runs for knob in ('task.name', 'encoding.name')}  # fmt: skip
    for run in {run.name: run for run in kinds.values()}.values():
        config(run)


@pytest.mark.parametrize('name', WORLDS)
def test_what_is_judged_is_what_the_task_measures(name):
    by_task = {(run.config, run.overrides.get('task.name')): run for run in names(name)['runs']('mini')}
    for run in by_task.values():
        task = tasks.TASKS.find(config(run).task.name, None)
        measured = {f'{protocol}/{metric}' for protocol in task.protocols for metric in task.metrics}
        assert {metric for metric in WORLDS[name].metrics if '/' in metric} <= measured
