"""A process whose partner is gone ends in one line, whatever C++ has to say about it, and hides nothing else."""

import subprocess
import sys

import pytest

from posbench.devices import partners
from tests import real_command

BEFORE = 'W1128 05:00:00.000001 7 other.cc:1] a warning of something else\nplain words\n'
POLLED = 'E1128 05:00:00.000002 7 coordination_service_agent.cc:289] Polled an error from coordination service.\n'
FATAL = (
    'F1128 05:00:00.000003 7 client.h:80] Terminating process because the JAX distributed service detected fatal '
    'errors.\n:UNKNOWN:Error received from peer\n*** Check failure stack trace: ***\n    @ 0x7f  absl::Flush()\n'
)
HEARTBEAT = (
    'E1128 05:00:00.000002 7 coordination_service.cc:1549] Use error polling: unhealthy tasks:\n1\nThey crashed\n'
)
LINE = f'launch.py: {partners.GONE}\n'


def ended(source: str, *words: str) -> tuple[int, str, str]:
    """Exit code and output of a process that has partners, and writes `words` as C++ would."""
    watched = f'import os, sys, time\nfrom posbench.devices import partners\npartners.watch()\n{source}'
    done = subprocess.run(
        [sys.executable, '-c', watched, *words],
        cwd=real_command.ROOT,
        capture_output=True,
        encoding='utf-8',
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


WRITE = 'for word in sys.argv[1:]: os.write(2, word.encode())\n'


@pytest.mark.parametrize('said', [[BEFORE, POLLED, FATAL], [BEFORE, HEARTBEAT, POLLED, FATAL]])
def test_what_jaxlib_says_before_it_aborts_is_one_line_and_exit_code_1(said):
    assert ended(f'{WRITE}os.abort()', *said) == (1, '', BEFORE + LINE)


def test_another_abort_keeps_its_words_and_is_no_exit_code_of_the_command():
    code, _, words = ended(f'{WRITE}os.abort()', BEFORE)
    assert code == 134 and words == f'{BEFORE}launch.py: ended by abort().\n'


def test_python_writes_past_the_pipe():
    assert ended("print('here', file=sys.stderr)\nprint('there')\npartners.leave(1)") == (1, 'there\n', 'here\n')


def test_the_words_of_a_collective_that_failed_tell_that_a_partner_is_gone():
    lost = 'UNKNOWN: Gloo AllGather failed: [gloo/transport/tcp/pair.cc:538] Read error: Connection reset by peer'
    source = (
        f'print(partners.took_down(ValueError({lost!r})), partners.took_down(ValueError("config.model.layers: 3")))'
    )
    assert ended(source) == (0, 'True False\n', '')
    # One that is alone has lost nobody.
    assert not partners.took_down(ValueError(lost))
