"""Reading: what is damaged is named by file and line, what is known twice counts once."""

import json

import pytest

from posbench import report
from posbench.report import folder as folder_lib
from posbench.report import provenance
from posbench.report import rows as rows_lib
from tests.report.runs import row, rows_of, write_lines, write_rows, write_run


def read_error(path, lines: list[str]) -> str:
    path.write_text('\n'.join(lines) + '\n')
    with pytest.raises(report.ReportError) as error:
        rows_lib.read(path)
    assert '\n' not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ('bad', 'says'),
    [
        ('{"experiment": null, "ru', 'damaged'),
        ('[1, 2]', 'wanted a JSON object'),
        (json.dumps({'run': 'rope'}), 'missing experiment'),
        (json.dumps(row() | {'sed': 1}), 'unknown sed'),
        (json.dumps(row(value='2.0')), "value is '2.0'"),
        (json.dumps(row(length=True)), 'length is True'),
        (json.dumps(row() | {'run': None}), 'run is None'),
        (json.dumps(row(value=2.5)), 'a second value'),
    ],
)
def test_a_damaged_line_is_named_by_file_and_number(tmp_path, bad, says):
    message = read_error(tmp_path / 'rows.jsonl', [json.dumps(row()), '', bad, json.dumps(row(seed=1))])
    assert f'{tmp_path / "rows.jsonl"}, line 3: ' in message and says in message


def test_nan_and_whole_numbers_are_values(tmp_path):
    write_lines(tmp_path / 'rows.jsonl', [row(value=float('nan')), row(value=float('nan')), row(value=2, seed=1)])
    assert [str(item.value) for item in rows_lib.read(tmp_path / 'rows.jsonl')] == ['nan', '2']


def test_of_two_evaluations_the_one_after_more_steps_counts(tmp_path):
    write_lines(tmp_path / 'rows.jsonl', [row(step=2000, value=2.0), row(step=1000, value=3.0)])
    assert [item.value for item in rows_lib.read(tmp_path / 'rows.jsonl')] == [2.0]


def test_a_folder_without_rows_says_what_was_looked_for_and_where(tmp_path):
    with pytest.raises(report.ReportError, match=r'rows\.jsonl') as error:
        report.build(tmp_path, terminal=False)
    assert str(tmp_path) in str(error.value)
    with pytest.raises(report.ReportError, match='no such folder'):
        report.build(tmp_path / 'nowhere')


def test_a_line_that_is_still_being_written_is_no_damage_to_the_metrics(run_folder):
    before = len(folder_lib.read(run_folder).runs[0].metrics)
    with (run_folder / 'metrics.jsonl').open('a') as file:
        file.write('{"step": 20')
    assert len(folder_lib.read(run_folder).runs[0].metrics) == before
    with (run_folder / 'metrics.jsonl').open('a') as file:
        file.write('\n')
    with pytest.raises(report.ReportError, match=rf'metrics\.jsonl, line {before + 1}'):
        folder_lib.read(run_folder)


def test_a_step_logged_again_after_a_resume_counts_once(run_folder):
    line = {'step': 2000, 'split': 'validation', 'name': 'loss', 'value': 7.0, 'seed': 0}
    with (run_folder / 'metrics.jsonl').open('a') as file:
        file.write(json.dumps(line) + '\n')
    steps, values = folder_lib.read(run_folder).runs[0].series('validation', 'loss')[0]
    assert steps == [500, 1000, 1500, 2000] and values[-1] == 7.0


def test_the_phases_of_one_run_are_two_runs_of_one_folder(tmp_path):
    folder = write_run(tmp_path / 'drope', 'drope', encoding='none')
    first = [item | dict(run='drope (rotary)', encoding='rotary', step=1500) for item in rows_of('drope')]
    first = [item for item in first if item['seed'] is not None]
    write_lines(folder / 'rows.jsonl', first + rows_of('drope', encoding='none'))
    (folder / 'encoding.json').write_text('{"kind": "none", "encoding": "none"}')
    study = folder_lib.read(folder)
    second, first = study.runs
    assert (first.name, second.name) == ('drope (rotary)', 'drope')
    assert not study.single
    assert [run.series('validation', 'loss')[0][0][-1] for run in study.runs] == [2000, 1500]
    assert [run.picture is None for run in study.runs] == [False, True]
    assert dict(provenance.facts(study))['wall time'] == '7 min', 'the seconds of one program count once'


@pytest.mark.parametrize(
    ('name', 'text', 'says'),
    [
        ('encoding.json', '{"kind": "wheel"}', "'wheel', wanted similarity"),
        ('encoding.json', '{"kind": "bias", "distances": [0, 1], "heads": [[0]]}', 'other lengths'),
        ('encoding.json', '{"kind": "score", "distances": [0, 1]}', 'curves'),
        ('config.json', '{', 'damaged'),
        ('claims.json', '[{"claim": "it works", "verdict": "YES"}]', 'PASS or FAIL'),
        ('failed.json', '["rope"]', 'run and reason'),
    ],
)
def test_a_damaged_file_beside_the_rows_is_named(run_folder, name, text, says):
    (run_folder / name).write_text(text)
    with pytest.raises(report.ReportError, match=says) as error:
        report.build(run_folder, terminal=False)
    assert str(run_folder / name) in str(error.value)


def test_rows_inside_checkpoints_and_hidden_folders_are_no_runs(tmp_path):
    for inside in ('runs/rope', 'runs/rope/checkpoints/7', '.cache'):
        write_rows(tmp_path / inside, [row(inside.replace('/', '_'))])
    assert [run.name for run in folder_lib.read(tmp_path).runs] == ['runs_rope']


def test_settings_are_those_of_every_group_that_the_run_used(run_folder):
    config = {
        'seeds': [0], 'encoding': {'name': 'rotary'}, 'task': {'name': 'flip_flop'}, 'dataset': None,
        'dtype': 'float32', 'second_phase': {'encoding': {'name': None}, 'steps': 125},
        'init': {'folder': None, 'take': ['*'], 'freeze': [], 'freeze_at_first': [], 'first_steps': 0},
    }  # fmt: skip
    (run_folder / 'config.json').write_text(json.dumps(config))
    wanted = [('seeds', '[0]'), ('encoding.name', 'rotary'), ('task.name', 'flip_flop'), ('dtype', 'float32')]
    assert provenance.settings(folder_lib.read(run_folder).runs[0]) == wanted
    config['init']['folder'] = 'runs/rope'
    (run_folder / 'config.json').write_text(json.dumps(config))
    assert ('init.folder', 'runs/rope') in provenance.settings(folder_lib.read(run_folder).runs[0])
