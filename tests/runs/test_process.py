"""Processes that end before the one that started them, whatever ends that one."""

import os
import signal
import subprocess
import sys
import time

import pytest

from posbench.knobs.user_file import ROOT
from posbench.runs import process

# Saves when it is asked to end, unless it is deaf, and says so in a file.
CHILD = """
import os, pathlib, signal, sys, time
folder, deaf = pathlib.Path(sys.argv[1]), len(sys.argv) > 2
def save(*_):
    (folder / 'asked').touch()
    if not deaf:
        sys.exit(143)
signal.signal(signal.SIGTERM, save)
(folder / 'pid').write_text(str(os.getpid()))
os.rename(folder / 'pid', folder / 'begun')
time.sleep(60)
"""
DRIVER = """
import signal, sys
from posbench.runs import process
with process.Runner() as runner, open(sys.argv[1] + '/log', 'w') as log:
    code = runner.start([sys.executable, *sys.argv[2:]], '.', log).wait()
print(code, runner.stopped_by.name)
"""


def until(condition) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.02)
    raise TimeoutError


@pytest.fixture
def driver(tmp_path):
    """driver('deaf') starts one and gives it when its child has begun."""
    started = []

    def start(*flags):
        (tmp_path / 'child.py').write_text(CHILD)
        command = [sys.executable, '-c', DRIVER, str(tmp_path), str(tmp_path / 'child.py'), str(tmp_path), *flags]
        started.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        until((tmp_path / 'begun').exists)
        return started[0], int((tmp_path / 'begun').read_text())

    yield start
    for one in started:
        one.kill()
        one.communicate()


def is_alive(pid: int) -> bool:
    try:
        with open(f'/proc/{pid}/stat') as file:
            return file.read().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_handed_on_and_the_end_waited_for(driver, tmp_path, number):
    parent, child = driver()
    parent.send_signal(number)
    out, err = parent.communicate(timeout=20)
    assert out == f'143 {number.name}\n'
    assert err == f'{number.name}: the run is asked to save; a second one kills it\n'
    assert (tmp_path / 'asked').exists() and not is_alive(child)


def test_a_second_signal_kills(driver, tmp_path):
    parent, child = driver('deaf')
    parent.send_signal(signal.SIGINT)
    until((tmp_path / 'asked').exists)
    assert is_alive(child)
    parent.send_signal(signal.SIGTERM)
    assert parent.communicate(timeout=20)[0] == '-9 SIGINT\n'


def test_a_ctrl_c_of_the_terminal_reaches_the_child_by_its_parent_alone(driver):
    parent, child = driver()
    assert os.getpgid(child) == child != os.getpgid(parent.pid)


@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='only Linux tells a child that its parent died')
def test_a_child_saves_where_its_parent_is_killed(driver, tmp_path):
    parent, child = driver()
    parent.kill()
    until((tmp_path / 'asked').exists)
    until(lambda: not is_alive(child))


def test_handlers_are_given_back_and_codes_are_those_of_the_commands(tmp_path):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with process.Runner() as runner, (tmp_path / 'log').open('wb') as log:
        children = [runner.start([sys.executable, '-c', f'exit({code})'], tmp_path, log) for code in (0, 3)]
        assert [child.wait() for child in children] == [0, 3]
        assert runner.stopped_by is None
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_all_that_are_under_way_are_asked_to_end(tmp_path):
    (tmp_path / 'child.py').write_text(CHILD)
    folders = [tmp_path / name for name in 'ab']
    with process.Runner() as runner, (tmp_path / 'log').open('wb') as log:
        for folder in folders:
            folder.mkdir()
        children = [
            runner.start([sys.executable, str(tmp_path / 'child.py'), str(folder)], tmp_path, log) for folder in folders
        ]
        until(lambda: all((folder / 'begun').exists() for folder in folders))
        os.kill(os.getpid(), signal.SIGINT)
        assert [child.wait() for child in children] == [143, 143]
        assert runner.stopped_by is signal.SIGINT
        # What is started when the signal has come is asked at once.
        assert runner.start(['sleep', '60'], tmp_path, log).wait() == -signal.SIGTERM


def test_nobody_is_left_when_an_error_comes_between(tmp_path):
    with pytest.raises(OSError), process.Runner() as runner, (tmp_path / 'log').open('wb') as log:
        child = runner.start(['sleep', '60'], tmp_path, log)
        raise OSError
    assert child.code == -signal.SIGTERM


def test_who_does_not_end_when_its_time_is_over_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(process, 'GRACE', 0.1)
    (tmp_path / 'child.py').write_text(CHILD)
    with process.Runner() as runner, (tmp_path / 'log').open('wb') as log:
        child = runner.start(
            [sys.executable, str(tmp_path / 'child.py'), str(tmp_path), 'deaf'], tmp_path, log, timeout=30
        )
        until((tmp_path / 'begun').exists)
        child.keep_time()
        assert not child.out_of_time
        child._deadline = 0
        until(lambda: child.keep_time() or child.code is not None)
    assert (child.code, child.out_of_time) == (-signal.SIGKILL, True) and (tmp_path / 'asked').exists()
