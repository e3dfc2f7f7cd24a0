"""Which runs are one encoding, whatever their studies call them."""

import json

import pytest

from posbench import encodings
from posbench.report import folder as folder_lib
from posbench.report.leaderboard import entrants, problems
from tests.report import runs
from tests.report.leaderboard import fields


@pytest.mark.parametrize(
    ('task', 'run', 'wanted'),
    [
        ('length/copy', 'copy-rope', 'rope'),
        ('length/copy', 'rope, length/copy', 'rope'),
        ('length/copy', 'length_copy_rope', 'rope'),
        ('length/copy', 'copyist', 'copyist'),
        ('length/copy', 'copy', 'copy'),
        ('length/copy', 'rope', 'rope'),
        ('length/copy', 'rope_theta-copy', 'rope_theta'),
    ],
)
def test_the_task_is_no_part_of_the_name(task, run, wanted):
    assert problems.stripped(task, run) == wanted


def test_every_encoding_of_the_package_has_a_mechanism():
    assert list(entrants.MECHANISMS) == sorted(encodings.names())


def test_runs_of_one_name_and_two_encodings_are_two_entrants(tmp_path):
    fields.write(tmp_path / 'a', ('rope', 'alibi'), ('length/copy',), range(2))
    fields.write(tmp_path / 'b', ('alibi',), ('length/sort',), range(2))
    other = [row | {'run': 'rope', 'encoding': 'xpos'} for row in fields.rows_of('xpos', 'length/sort', range(2))]
    runs.write_rows(tmp_path / 'b' / 'sort-rope', other, fields.task('length/sort'))
    field = entrants.field([folder_lib.read(tmp_path / name) for name in ('a', 'b')])
    assert [one.name for one in field.entrants] == ['alibi', 'rope (rotary)', 'rope (xpos)']
    assert [one.mechanism for one in field.entrants] == ['bias', 'rotation', 'rotation']
    assert list(field.entrants[0].runs) == ['length/copy', 'length/sort']


def test_a_task_of_two_studies_is_two_problems_with_names_of_their_own(tmp_path):
    for name in ('a', 'b'):
        fields.write(tmp_path / name, ('rope',), ('length/copy',), range(2))
    field = entrants.field([folder_lib.read(tmp_path / name) for name in ('a', 'b')])
    assert [problem.label for problem in field.problems] == ['length/copy, a', 'length/copy, b']
    assert len(field.entrants) == 1


def test_a_task_at_two_training_lengths_is_two_problems(tmp_path):
    fields.write(tmp_path, ('rope',), ('length/copy',), range(2))
    longer = [row | {'train_length': 64, 'run': 'rope'} for row in fields.rows_of('rope', 'length/copy', range(2))]
    runs.write_rows(tmp_path / 'longer', longer, fields.task('length/copy'))
    field = entrants.field([folder_lib.read(tmp_path)])
    assert [problem.label for problem in field.problems] == [
        'length/copy, trained on 32 tokens', 'length/copy, trained on 64 tokens',
    ]  # fmt: skip


def test_options_that_differ_by_task_are_said(tmp_path):
    fields.write(tmp_path, ('rope', 'alibi'), ('length/copy', 'length/sort'), range(2))
    path = tmp_path / 'sort-rope' / 'rows.jsonl'
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        row['options']['encoding']['theta'] = 5e5
    runs.write_lines(path, rows)
    other = tmp_path / 'copy-rope' / 'rows.jsonl'
    rows = [json.loads(line) for line in other.read_text().splitlines()]
    for row in rows:
        row['options']['encoding']['theta'] = 1e4
    runs.write_lines(other, rows)
    remarks = entrants.field([folder_lib.read(tmp_path)]).remarks
    assert remarks == ['rope has options of its own by task: encoding.theta 10000.0 (1 task), 500000.0 (1 task).']


def test_a_file_of_somebodys_own_has_no_mechanism_of_the_package(tmp_path):
    fields.write(tmp_path, ('rope',), ('length/copy',), range(2))
    path = tmp_path / 'copy-rope' / 'rows.jsonl'
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        row['options']['encoding']['module'] = 'mine.py'
    runs.write_lines(path, rows)
    assert entrants.field([folder_lib.read(tmp_path)]).entrants[0].mechanism == entrants.OWN


def test_what_a_grid_varies_besides_the_encoding_is_no_part_of_its_name(tmp_path):
    """One task with two options of it at two lengths, and a run that failed: names as grids.product makes them."""
    for variant, length in (('short', 32), ('long', 32), ('short', 64)):
        for name in ('rope', 'alibi'):
            run = f'{variant}-{name}-{length}'
            rows = [row | {'run': run, 'train_length': length} for row in fields.rows_of(name, 'length/copy', range(2))]
            place = runs.write_rows(tmp_path / run, rows, fields.task('length/copy'))
            config = {'task': {'name': 'length/copy', 'variant': variant}, 'train': {'length': length}}
            (place / 'config.json').write_text(json.dumps(config))
    (tmp_path / 'short-rope-64' / 'rows.jsonl').unlink()
    (tmp_path / 'short-rope-64' / 'failed.json').write_text(
        '{"run": "short-rope-64", "kind": "timeout", "reason": "timeout after 600 s"}'
    )
    field = entrants.field([folder_lib.read(tmp_path)])
    assert [problem.label for problem in field.problems] == [
        'length/copy long, trained on 32 tokens', 'length/copy short, trained on 32 tokens',
        'length/copy, trained on 64 tokens',
    ]  # fmt: skip
    assert {one.name: (len(one.runs), one.failed) for one in field.entrants} == {
        'alibi': (3, {}), 'rope': (2, {'length/copy, trained on 64 tokens': 'timeout after 600 s'}),
    }  # fmt: skip


@pytest.mark.parametrize('between', ['@', '-'])
def test_what_a_study_calls_a_task_need_not_be_the_name_of_the_task(tmp_path, between):
    for short, task in (('language', 'text/language_model'), ('copy', 'length/copy')):
        for name in ('rope', 'p-rope'):
            rows, run = fields.rows_of(name.replace('-', '_'), task, range(2)), f'{name}{between}{short}'
            runs.write_rows(tmp_path / run, [row | {'run': run} for row in rows], fields.task(task))
    field = entrants.field([folder_lib.read(tmp_path)])
    assert {one.name: len(one.runs) for one in field.entrants} == {'rope': 2, 'p-rope': 2}
