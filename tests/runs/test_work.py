"""Several runs at a time: places, order, what waits for what, retries, and what a failure leaves."""

import json
import os
import re

import pytest

from posbench import failures
from posbench.devices import cpus
from posbench.knobs.kinds import UsageError
from posbench.report import boards, page, readme, terminal
from posbench.report import folder as folder_lib
from posbench.runs import cores, process, work


def said(study, name: str) -> list[str]:
    """Kind, reason and attempts of a run that failed."""
    item = failures.read(study.results / name)
    return [item['kind'], item['reason'], item['attempts']]


def test_jobs_run_side_by_side_on_cores_of_their_own(study):
    study.edit('bad=2, alibi=3', 'left=2, right=3')
    # Each of the two waits for the other one.
    assert study('--jobs=2', '--only=*[tp]*')[0] == 0
    if process.can_be_pinned() and len(os.sched_getaffinity(0)) > 1:
        logs = [(study.results / name / 'log.txt').read_text() for name in ('left', 'right')]
        left, right = (set(json.loads(re.search(r'cores (\[.*\])', log)[1])) for log in logs)
        assert left and right and not left & right


def test_places_have_as_many_cores_and_as_much_memory_as_each_other(monkeypatch):
    monkeypatch.setattr(process, 'can_be_pinned', lambda: True)
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: {1, 3, 5, 7, 9}, raising=False)
    assert cores.shares(1) == [cores.Share()]
    assert [share.cores for share in cores.shares(2)] == [(1, 3), (5, 7)]
    assert [share.cores for share in cores.shares(6)] == [(1,), (3,), (5,), (7,), (9,), (1,)]
    assert cores.shares(3)[0].environment == {cores.GPU_MEMORY: '0.300'}
    monkeypatch.setenv(cores.GPU_MEMORY, '0.1')
    assert cores.shares(3)[0].environment == {}


def test_where_cores_cannot_be_given_threads_are_counted(monkeypatch):
    monkeypatch.setattr(process, 'can_be_pinned', lambda: False)
    monkeypatch.setattr(os, 'cpu_count', lambda: 8)
    for share in cores.shares(2):
        assert not share.cores and share.environment[cpus.THREADS] == '4'


def test_a_run_waits_for_the_one_it_starts_from(study):
    study.edit("'encoding.theta': theta}", "'encoding.theta': theta} | more(name)")
    study.edit(
        'def claims',
        "def more(name):\n    return {'init.folder': '{study}/shaw'} if name == 'rope' else {}\n\ndef claims",
    )
    assert study('--jobs=1', '--only=[rs]*') == (0, ['shaw', 'rope'])


def test_a_run_whose_start_failed_or_is_not_there_fails_without_being_begun(study, capsys):
    study.edit(
        "'encoding.theta': theta}", "'encoding.theta': theta, 'init.folder': '{study}/bad' if name == 'rope' else None}"
    )
    assert study('--only=[br]*') == (1, ['bad'])
    assert said(study, 'rope') == ['error', 'it starts from bad, which has no results', 0]
    assert study('--only=rope') == (1, [])


def test_runs_that_start_from_each_other_are_refused(study):
    study.edit("'encoding.theta': theta}", "'encoding.theta': theta, 'init.folder': '{study}/' + name}")
    with pytest.raises(
        UsageError, match='runs that start from each other: rope, bad, alibi, shaw; wanted one to begin'
    ):
        study()


def test_a_run_that_was_killed_is_tried_again_and_one_that_ended_is_not(study, capsys):
    study.edit('bad=2, alibi=3', 'killed_once=2, bad=3')
    assert study() == (1, ['rope', 'killed_once', 'killed_once', 'bad', 'shaw'])
    out = re.sub(r'after \d+ s', 'after 0 s', capsys.readouterr().out)
    assert 'killed_once: killed after 0 s: ended by SIGKILL; it said last: starting; tried again\n' in out
    assert 'killed_once: begins, attempt 2 of 3\n' in out
    assert not (study.results / 'killed_once' / 'failed.json').exists()


def test_a_run_is_tried_no_more_often_than_it_may_be(study):
    study.edit('bad=2', 'killed=2')
    assert study('--only=killed', '--retries=1') == (1, ['killed'] * 2)
    assert said(study, 'killed') == ['killed', 'ended by SIGKILL; it said last: starting', 2]


def test_a_run_that_takes_too_long_is_asked_to_save_and_tried_again(study, monkeypatch):
    keep_time = process.Child.keep_time

    def over_when_asleep(child):
        if not child.out_of_time and any(study.results.glob('slow*/asleep')):
            child._deadline = 0
        keep_time(child)

    monkeypatch.setattr(process.Child, 'keep_time', over_when_asleep)
    study.edit('bad=2, alibi=3', 'slow_once=2, slow=3')
    assert study('--only=slow*', '--timeout=600', '--retries=1') == (1, ['slow_once', 'slow_once', 'slow', 'slow'])
    assert said(study, 'slow') == ['timeout', 'it took longer than --timeout; it said last: starting', 2]


def test_what_is_killed_while_the_system_has_no_memory_ran_out_of_it(study, monkeypatch):
    killed = iter(range(100))
    monkeypatch.setattr(process, '_killed_for_memory', lambda: next(killed))
    study.edit('bad=2', 'killed=2')
    assert study('--only=killed', '--retries=0') == (1, ['killed'])
    assert said(study, 'killed')[0] == 'out of memory'


def test_a_failure_is_a_row_of_every_table_and_what_was_not_begun_is_none(study, capsys):
    study.edit('bad=2', 'nan=2')
    study('--only=[!s]*')
    found = folder_lib.read(study.results)
    (board,) = boards.boards(found)
    assert board.failed == {'nan': 'diverged'}
    for table in (*page.length_tables(found, board), readme.compact(board, board.task.main)):
        row = next(row for row in table.rows if row[0].text == 'nan')
        assert len(row) == len(table.columns) and 'diverged' in [cell.text for cell in row]
        assert 'shaw' not in [row[0].text for row in table.rows]
    text = page.to_markdown(page.content(found, [board], {}))
    assert '| nan | diverged: loss of seed 0 is nan at step 3; kept |' in text and '| shaw | not begun |' in text
    capsys.readouterr()
    terminal.show(found, [board], [])
    assert re.search(r'^nan +(— +)+diverged', capsys.readouterr().out, re.MULTILINE)


def test_many_runs_that_are_not_begun_are_one_line(study, capsys):
    study.edit('shaw=4', 'shaw=4, **{f"more_{i}": 5 + i for i in range(7)}')
    study('--only=rope')
    found = folder_lib.read(study.results)
    assert len(found.failed) == 10
    terminal.show(found, boards.boards(found), [])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith('no results')]
    assert lines == ['no results  10 runs: 10 not begun']


def test_the_view_is_told_of_steps_and_of_what_is_left(study, monkeypatch):
    shown = []

    class View:
        wants_lines = True

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def say(self, line):
            pass

        def show(self, lines, left):
            shown.append(([(line.name, line.state) for line in lines], left))

    monkeypatch.setattr(work.live, 'of', lambda quiet: View())
    study()
    assert shown[0][0][0] == ('rope', 'running') and {state for _, state in shown[0][0][1:]} == {'waiting'}
    assert shown[-1] == ([('rope', 'done'), ('bad', 'failed'), ('alibi', 'done'), ('shaw', 'done')], '')
