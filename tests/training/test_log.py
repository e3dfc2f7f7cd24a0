"""Logs that a kill leaves without gaps or doubles."""

import json
import math

import numpy as np
import pytest

from posbench.training import log
from posbench.training.log import Log

FILES = ('metrics.jsonl', 'timing.jsonl')


def write(folder, start: int, *steps: int) -> Log:
    """A log opened at `start`, with lines for `steps`."""
    log = Log(folder, start)
    for step in steps:
        log.metrics(step, 'train', (4, 9), dict(loss=np.array([step + 0.25, step + 0.5])))
        log.timing(step, 1000, 0.5)
    return log


def lines(folder, name='metrics.jsonl') -> list[dict]:
    return [json.loads(line) for line in (folder / name).read_text('utf-8').splitlines()]


def test_a_line_for_each_name_and_seed(tmp_path):
    log = Log(tmp_path, 0)
    log.metrics(10, 'train', (4, 9), dict(loss=np.array([1.5, 2.5]), grad_norm=np.array([0.5, math.nan])))
    log.timing(10, 1000, 0.5)
    log.close()
    common = dict(step=10, split='train')
    assert lines(tmp_path) == [
        common | dict(name='loss', value=1.5, seed=4),
        common | dict(name='loss', value=2.5, seed=9),
        common | dict(name='grad_norm', value=0.5, seed=4),
        common | dict(name='grad_norm', value=None, seed=9),
    ]
    assert lines(tmp_path, 'timing.jsonl') == [dict(step=10, tokens_per_second=2000.0, seconds=0.5)]
    assert list((tmp_path / 'tb').glob('events.*'))


def test_lines_after_the_step_that_a_run_resumes_from_are_dropped(tmp_path):
    write(tmp_path, 0, 10, 20, 30).close()
    write(tmp_path, 20).close()
    for name in FILES:
        assert {line['step'] for line in lines(tmp_path, name)} == {10, 20}


def test_a_resumed_log_has_the_same_bytes(tmp_path):
    for name in ('once', 'twice'):
        (tmp_path / name).mkdir()
    write(tmp_path / 'once', 0, 10, 20, 30).close()
    write(tmp_path / 'twice', 0, 10, 20).close()
    write(tmp_path / 'twice', 10, 20, 30).close()
    for name in FILES:
        assert (tmp_path / 'twice' / name).read_bytes() == (tmp_path / 'once' / name).read_bytes()


@pytest.mark.parametrize('torn', ['{"step": 20, "split": "tra', '{"step": 20, "seco', '{', '\0\0\0\0'])
def test_a_torn_last_line_is_dropped_and_the_next_starts_on_its_own(tmp_path, torn):
    write(tmp_path, 0, 10).close()
    for name in FILES:
        with (tmp_path / name).open('a', encoding='utf-8') as file:
            file.write(torn)
    assert log.training_seconds(tmp_path) == 0.5
    write(tmp_path, 10, 20).close()
    assert [line['step'] for line in lines(tmp_path)] == [10, 10, 20, 20]
    assert [line['step'] for line in lines(tmp_path, 'timing.jsonl')] == [10, 20]


def test_a_last_line_without_its_newline_is_whole(tmp_path):
    write(tmp_path, 0, 10).close()
    path = tmp_path / 'metrics.jsonl'
    path.write_text(path.read_text('utf-8').rstrip('\n'), 'utf-8')
    write(tmp_path, 10, 20).close()
    assert [line['step'] for line in lines(tmp_path)] == [10, 10, 20, 20]


def test_what_was_flushed_is_on_disk(tmp_path):
    log = write(tmp_path, 0, 10)
    log.flush()
    assert [line['step'] for line in lines(tmp_path)] == [10, 10]
    log.close()


def test_the_time_of_training_is_over_all_the_times_that_it_was_resumed(tmp_path):
    assert log.training_seconds(tmp_path) is None
    write(tmp_path, 0, 10, 20).close()
    write(tmp_path, 20, 30).close()
    assert log.training_seconds(tmp_path) == pytest.approx(1.5)
