"""What is seen of a study: steps and rates from logs, what is left from what was measured, a table that fits."""

import io
import json

import pytest
from rich.console import Console

from posbench.runs import live, seen
from tests.report.runs import TASK, rows_of


def lines(path, items) -> None:
    path.write_text(''.join(json.dumps(item) + '\n' for item in items))


def test_steps_and_their_rate_are_those_of_the_logs_without_the_call_that_compiled(tmp_path):
    assert seen.progress(tmp_path) == seen.Progress(None, None)
    lines(tmp_path / 'metrics.jsonl', [dict(step=n, split='train', name='loss', value=1.0) for n in (10, 20, 30)])
    with (tmp_path / 'metrics.jsonl').open('a') as file:
        file.write('{"step": 40, "spl')
    lines(tmp_path / 'timing.jsonl', [dict(step=n, seconds=9.0 if n == 10 else 0.5) for n in (10, 20, 30)])
    assert seen.progress(tmp_path) == seen.Progress(30, 20.0)


def test_only_the_end_of_a_long_log_is_read(tmp_path):
    lines(tmp_path / 'metrics.jsonl', [dict(step=n, split='train', name='x' * 100) for n in range(5000)])
    assert seen.progress(tmp_path).step == 4999
    assert len(seen._tail(tmp_path / 'metrics.jsonl')) < 200


def test_a_run_that_is_done_says_its_main_number(tmp_path):
    assert seen.main_number(tmp_path) == ''
    rows = rows_of('rope', seeds=(0, 1))
    lines(tmp_path / 'rows.jsonl', rows)
    (tmp_path / 'task.json').write_text(json.dumps(TASK))
    main = next(iter(TASK['protocols']))
    values = [row['value'] for row in rows if row['metric'] == f'{main}/bits_per_character'
              and row['length'] and row['length'] == row['train_length'] and row['split'] == 'test']  # fmt: skip
    assert len(values) == 2
    assert seen.main_number(tmp_path) == f'{sum(values) / 2:.3f} bits per character'


@pytest.mark.parametrize(
    'finished, under_way, waiting, places, left',
    [
        ([], [(5.0, None, 10.0)], [10.0], 1, None),
        # A second a token, of two that wait and one that is half done.
        ([(10.0, 10.0)], [(5.0, None, 10.0)], [10.0, 20.0], 1, 35.0),
        ([(10.0, 10.0)], [(5.0, None, 10.0)], [10.0, 20.0], 2, 17.5),
        # By the rate of the one under way, which takes 10 s in all.
        ([], [(4.0, 6.0, 10.0)], [10.0], 1, 16.0),
        # Of word vectors nobody knows the tokens; the longest one decides where places are many.
        ([(8.0, None)], [(1.0, 30.0, None)], [None], 4, 30.0),
    ],
)
def test_what_is_left_follows_from_what_was_measured(finished, under_way, waiting, places, left):
    assert seen.seconds_left(finished, under_way, waiting, places) == left


def test_a_table_shows_as_many_runs_as_there_is_room_for_the_ones_under_way_first():
    runs = [live.Line(f'run_{n}', 2000) for n in range(100)]
    for line in runs[:40]:
        line.state, line.says = live.DONE, '1.984 bits per character'
    runs[39].state, runs[39].says = live.FAILED, 'diverged: loss is nan'
    runs[50].state, runs[50].step, runs[50].rate = live.RUNNING, 1200, 31.04
    console = Console(file=io.StringIO(), width=100, height=12)
    console.print(live.table(runs, 'about 12 min left', 5))
    shown = [line.split() for line in console.file.getvalue().splitlines()]
    names = [line[0] for line in shown[1:-1]]
    assert names == ['run_39', 'run_40', 'run_41', 'run_42', 'run_50']
    assert ' '.join(shown[5]) == 'run_50 running 1,200/2,000 steps, 31 a second'
    assert ' '.join(shown[-1]) == '59 waiting, 1 running, 39 done, 1 failed; about 12 min left'


@pytest.mark.parametrize(
    'quiet, terminal, kind', [(False, True, live.Watched), (True, True, live.Plain), (False, False, live.Plain)]
)
def test_the_table_is_for_terminals_alone(monkeypatch, quiet, terminal, kind):
    monkeypatch.setattr(live, 'Console', lambda **options: Console(**options, force_terminal=terminal))
    assert isinstance(live.of(quiet), kind)
