"""A signal ends a command at once and in one line, whatever it is in; training is told, and saves first."""

import signal
import subprocess
import sys
import time

import pytest

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
# Minutes in C, in which the main thread comes back to Python for no handler.
BUSY = "import hashlib; print('busy', flush=True); hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)"
HOLD = """
import time
with interrupts.Hold() as hold:
    hold.begin()
    print('busy', flush=True)
    while interrupts.requested() is None:
        time.sleep(0.01)
    print('asked for', interrupts.requested(), flush=True)
    {then}
    interrupts.leaves('step 20 is saved.')
"""


def start(program: str, trap: str = '-') -> subprocess.Popen:
    """A process that watches, and then runs `program`; returns when that has printed its first line.

    `trap` is what the shell that starts it does about Ctrl-C: nothing, or '' to ignore it.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # No shell can undo what it was started with.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    program = f"from posbench import interrupts\ninterrupts.watch()\ninterrupts.leaves('step 10 is saved.')\n{program}"
    command = ['sh', '-c', f'trap "{trap}" INT; exec "$@"', 'sh', sys.executable, '-c', program]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout.readline() == 'busy\n', process.stderr.read()
    return process


@pytest.mark.parametrize('number', CODES)
def test_a_signal_ends_a_command_that_is_busy_in_c_in_one_line(number):
    process = start(BUSY)
    process.send_signal(number)
    begun = time.perf_counter()
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr) == (
        CODES[number],
        '',
        f'launch.py: {number.name}: step 10 is saved.\n',
    )
    assert time.perf_counter() - begun < 10


@pytest.mark.parametrize('number', CODES)
def test_a_signal_is_held_until_there_is_an_end(number):
    process = start(HOLD.format(then='pass'))
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == CODES[number]
    assert stdout == f'asked for {int(number)}\n'
    assert stderr == f'launch.py: {number.name}: step 20 is saved.\n'


def test_a_second_signal_is_not_held():
    process = start(HOLD.format(then=BUSY))
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == 'asked for 15\n'
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr == 'launch.py: SIGINT again: ended without saving; step 10 is saved.\n'


def test_what_is_ignored_stays_ignored():
    process = start("import time; print('busy', flush=True); time.sleep(0.5); print('done')",
                    trap='')  # fmt: skip
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ('done\n', '')


def test_a_handler_that_is_set_later_has_its_signal():
    process = start(
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit('mine'));"
        "print('busy', flush=True); time.sleep(60)"
    )
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60) == ('', 'mine\n')


def test_a_signal_that_a_library_has_taken_is_taken_back():
    taken = 'import ctypes, signal; ctypes.CDLL(None).signal(15, 1); interrupts.take_back();'
    process = start(taken + BUSY)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60) == ('', 'launch.py: SIGTERM: step 10 is saved.\n')


def test_a_signal_to_a_fork_is_not_one_to_this_process():
    process = start("""
import multiprocessing, time
child = multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,))
child.start()
print('busy', flush=True)
child.terminate()
child.join()
time.sleep(0.3)
print(child.exitcode)
""")
    assert process.communicate(timeout=60) == ('-15\n', '')


# What the interpreter does when nothing is left to do, and it leaves signals to the system.
ENDING = """
import os, sys, time
class Last:
    def __del__(self, write=os.write, sleep=time.sleep):
        write(1, b'busy\\n')
        sleep(1)
last = Last()
sys.exit({code})
"""


@pytest.mark.parametrize('code, ends', [('interrupts.over(143)', 143), ('143', -signal.SIGINT)])
def test_a_second_signal_does_not_change_the_code_of_a_command_that_the_first_one_ended(code, ends):
    process = start(ENDING.format(code=code))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == ends
