"""Logs that a kill leaves without gaps or doubles."""

import errno
import json
import math
import struct
import threading

import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.record_writer import masked_crc32c

from posbench import files, manifest
from posbench.training import log
from posbench.training.log import Log

FILES = ('metrics.jsonl', 'timing.jsonl')


def write(folder, start: int, *steps: int) -> Log:
    """A log opened at `start`, with lines for `steps`."""
    log = Log(folder, start)
    for step in steps:
        log.metrics(step, 'train', (4, 9), dict(loss=np.array([step + 0.25, step + 0.5])))
        log.timing(step, 'tokens', 1000, 0.5)
    return log


def lines(folder, name='metrics.jsonl') -> list[dict]:
    return [json.loads(line) for line in (folder / name).read_text('utf-8').splitlines()]


def test_a_line_for_each_name_and_seed(tmp_path):
    log = Log(tmp_path, 0)
    log.metrics(10, 'train', (4, 9), dict(loss=np.array([1.5, 2.5]), grad_norm=np.array([0.5, math.nan])))
    log.timing(10, 'tokens', 1000, 0.5)
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


@pytest.mark.parametrize('name', FILES)
@pytest.mark.parametrize(
    'damage, message',
    [
        (lambda data: data[:-1], r'has \d+ bytes, not \d+'),
        (lambda data: data.replace(b'10', b'11', 1), 'does not match its SHA-256'),
        (lambda data: data[1:] + b'\n', 'does not match its SHA-256'),
        (None, 'No such file'),
    ],
    ids=['cut', 'changed', 'moved', 'removed'],
)
def test_what_was_said_of_the_files_holds_until_they_are_damaged(tmp_path, name, damage, message):
    log_ = write(tmp_path, 0, 10, 20)
    said = log_.flush()
    log_.close()
    write(tmp_path, 20, 30).close()
    log.check(tmp_path, said)
    path = tmp_path / name
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage(path.read_bytes()[: said[name]['size']]))
    with pytest.raises(manifest.Damaged, match=f'^{name}, which only --resume=anyway does without.* {message}'):
        log.check(tmp_path, said)


def test_a_resumed_log_says_the_same_of_its_files(tmp_path):
    said = write(tmp_path, 0, 10).flush()
    assert write(tmp_path, 10).flush() == said


@pytest.mark.parametrize('name', ['metrics.jsonl', 'timing.jsonl', 'events'])
def test_a_full_disk_is_an_error_with_the_name_of_the_file_and_at_once(tmp_path, monkeypatch, name):
    log = write(tmp_path, 0, 10)
    whole = files.write_whole

    def full(file, data):
        if name in str(file.name):
            raise OSError(errno.ENOSPC, 'No space left on device')
        whole(file, data)

    monkeypatch.setattr(files, 'write_whole', full)
    for _ in range(50):  # More than any queue holds.
        with pytest.raises(OSError, match='No space left') as error:
            log.metrics(20, 'train', (4, 9), dict(loss=np.array([0.5, 0.25])))
            log.timing(20, 'tokens', 1000, 0.5)
        assert name in error.value.filename
    log.close()
    assert not any('Event' in type(thread).__name__ for thread in threading.enumerate())


def events(path) -> list:
    """Every record of a file of events, its checksums compared."""
    data, found = path.read_bytes(), []
    while data:
        (length,) = struct.unpack('<Q', data[:8])
        assert struct.unpack('<I', data[8:12])[0] == masked_crc32c(data[:8])
        body, data = data[12 : 12 + length], data[12 + length :]
        assert struct.unpack('<I', data[:4])[0] == masked_crc32c(body)
        found.append(Event.FromString(body))
        data = data[4:]
    return found


def test_tensorboard_reads_what_was_measured_and_hides_what_a_kill_left(tmp_path):
    write(tmp_path, 10, 20).close()
    first, start, *scalars = events(next((tmp_path / 'tb').glob('events.out.tfevents.*')))
    assert first.file_version == 'brain.Event:2'
    assert (start.step, start.session_log.status) == (11, SessionLog.START)
    found = {value.tag: (event.step, value.simple_value) for event in scalars for value in event.summary.value}
    assert found == {
        'train/loss/seed_4': (20, 20.25),
        'train/loss/seed_9': (20, 20.5),
        'timing/tokens_per_second': (20, 2000.0),
    }


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
