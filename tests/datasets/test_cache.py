import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from posbench import manifest
from posbench.datasets import DatasetError, cache

ROOT = Path(manifest.__file__).parent.parent


def build(directory):
    (directory / 'numbers').write_text('1 2 3')
    return {'sum': 6}


def must_not_build(directory):
    raise AssertionError('built a folder that was there')


# A process that builds slowly: argv is the folder, and a file that gets a line for each build.
SLOW = """
import pathlib, sys, time
from posbench.datasets import cache
def build(directory):
    (directory / 'numbers').write_text('1 2')
    with open(sys.argv[2], 'a') as log:
        log.write('built\\n')
    time.sleep(float(sys.argv[3]))
    (directory / 'numbers').write_text('1 2 3')
    return {'sum': 6}
cache.fetch(pathlib.Path(sys.argv[1]), build)
"""


def start(folder, log, seconds):
    return subprocess.Popen([sys.executable, '-c', SLOW, str(folder), str(log), str(seconds)], cwd=ROOT)


def wait_for(path):
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_folder_is_built_once(tmp_path):
    folder = tmp_path / 'new' / 'cached'
    assert cache.fetch(folder, build)['sum'] == 6
    assert cache.fetch(folder, must_not_build)['sum'] == 6


@pytest.mark.parametrize('name', ['numbers', manifest.NAME])
@pytest.mark.parametrize('damage', ['flip', 'cut', 'delete'])
def test_a_damaged_folder_is_built_again(tmp_path, name, damage):
    folder = tmp_path / 'cached'
    cache.fetch(folder, build)
    data = (folder / name).read_bytes()
    if damage == 'delete':
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(data[:-1] if damage == 'cut' else bytes([data[0] ^ 1]) + data[1:])
    assert cache.fetch(folder, build)['sum'] == 6
    assert (folder / 'numbers').read_text() == '1 2 3'


def test_a_killed_build_leaves_nothing_that_is_used(tmp_path):
    folder, log = tmp_path / 'cached', tmp_path / 'log'
    process = start(folder, log, 60)
    wait_for(log)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not folder.exists()
    assert cache.fetch(folder, build)['sum'] == 6
    assert (folder / 'numbers').read_text() == '1 2 3'
    assert not [path for path in tmp_path.iterdir() if path.name.endswith('.building')]


def test_of_two_processes_at_once_one_builds_and_both_use_it(tmp_path):
    folder, log = tmp_path / 'cached', tmp_path / 'log'
    processes = [start(folder, log, 0.5) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert log.read_text() == 'built\n'


def test_a_build_that_fails_says_why_and_is_tried_again(tmp_path):
    def fail(directory):
        raise DatasetError('no text')

    with pytest.raises(DatasetError, match='no text'):
        cache.fetch(tmp_path / 'cached', fail)
    assert cache.fetch(tmp_path / 'cached', build)['sum'] == 6


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(DatasetError, match='file/cached cannot be built') as error:
        cache.fetch(tmp_path / 'file' / 'cached', build)
    assert '\n' not in str(error.value)
