"""Several processes make up one run: the numbers of one process with all their devices, files from the first."""

import os
import socket
import subprocess
import sys
import time

import pytest

from posbench.devices.cluster import OFF
from tests import real_command

# The command with less patience than it has.
HASTY = """
import sys
import launch
from posbench.devices import cluster
cluster.PATIENCE = 2.0
sys.exit(launch.main(sys.argv[1:]))
"""


def free_address() -> str:
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return f'127.0.0.1:{free.getsockname()[1]}'


@pytest.mark.parametrize(
    'mesh',
    [
        pytest.param(['--config.mesh.seed=1'], id='batch'),
        # Less is sent from process to process.
        pytest.param(['--config.mesh.seed=2'], id='seeds', marks=pytest.mark.everything),
    ],
)
def test_two_processes_are_one_process_with_two_devices(tmp_path, mesh):
    flags = [*real_command.write_text(tmp_path), '--config=configs/t5.py', *mesh, *real_command.ONE_LENGTH]
    alone = real_command.launch(*flags, '--devices=2', f'--workdir={tmp_path / "alone"}')
    assert alone.returncode == 0, alone.stderr

    address = free_address()
    both = [
        real_command.start(
            *flags,
            '--devices=1',
            f'--workdir={tmp_path / "both"}',
            JAX_COORDINATOR_ADDRESS=address,
            JAX_NUM_PROCESSES='2',
            JAX_PROCESS_ID=index,
        )
        for index in '01'
    ]
    printed = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], printed
    assert 'bits per character' in printed[0][0] and 'bits per character' not in printed[1][0]
    assert (tmp_path / 'both/report.html').exists()
    for name in ('metrics.jsonl', 'encoding.json'):
        assert (tmp_path / 'both' / name).read_bytes() == (tmp_path / 'alone' / name).read_bytes()


def test_processes_that_do_not_come_are_waited_for_so_long_and_no_longer(tmp_path):
    address, begun = free_address(), time.monotonic()
    waiting = [
        subprocess.Popen(
            [sys.executable, '-c', HASTY, '--config=configs/rope.py', f'--workdir={tmp_path}'],
            cwd=real_command.ROOT,
            env=os.environ | dict(JAX_COORDINATOR_ADDRESS=address, JAX_NUM_PROCESSES='3', JAX_PROCESS_ID=index),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in '01'
    ]
    printed = [process.communicate(timeout=120) for process in waiting]
    assert [process.returncode for process in waiting] == [1, 1], printed
    for index, (out, line) in enumerate(printed):
        by = f'JAX_COORDINATOR_ADDRESS={address}, JAX_NUM_PROCESSES=3, JAX_PROCESS_ID={index}'
        assert (out, line) == (
            '',
            f'launch.py: waited 2 s for 3 processes at {address} ({by}), and not all of them came; {OFF}\n',
        )
    assert time.monotonic() - begun > 2 and not any(tmp_path.iterdir())
