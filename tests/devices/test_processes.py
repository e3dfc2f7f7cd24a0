"""Several processes make up one run: the numbers of one process with all their devices, files from the first."""

import json
import os
import socket
import subprocess
import sys
import time

import pytest

from posbench.devices.cluster import OFF
from posbench.devices.partners import GONE
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


def started(count: int, *flags: str) -> list[subprocess.Popen]:
    """The command in so many processes."""
    address, several = free_address(), dict(JAX_NUM_PROCESSES=str(count))
    return [
        real_command.start(*flags, JAX_COORDINATOR_ADDRESS=address, JAX_PROCESS_ID=str(index), **several)
        for index in range(count)
    ]


@pytest.mark.parametrize(
    'mesh',
    [
        # Each process reads its rows, and holds its part of the parameters.
        pytest.param(
            ['--config.mesh.seed=1', '--config.task.on_device=false', '--config.mesh.shard_parameters=true'], id='batch'
        ),
        # Less is sent from process to process.
        pytest.param(['--config.mesh.seed=2'], id='seeds', marks=pytest.mark.everything),
    ],
)
def test_two_processes_are_one_process_with_two_devices(tmp_path, mesh):
    flags = [*real_command.write_text(tmp_path), '--config=configs/t5.py', *mesh, *real_command.ONE_LENGTH]
    alone = real_command.launch(*flags, '--devices=2', f'--workdir={tmp_path / "alone"}')
    assert alone.returncode == 0, alone.stderr

    both = started(2, *flags, '--devices=1', f'--workdir={tmp_path / "both"}')
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


@pytest.mark.parametrize(
    ('victim', 'then'),
    [
        pytest.param(1, 1, id='the_other'),
        # The one that all others have joined.
        pytest.param(0, 4, id='the_first', marks=pytest.mark.everything),
    ],
)
def test_where_a_process_is_killed_the_other_ends_in_one_line_and_fewer_or_more_go_on(tmp_path, victim, then):
    flags = [*real_command.write_text(tmp_path), '--config=configs/t5.py', '--config.mesh.seed=1', '--quiet']
    flags += [*real_command.ONE_LENGTH, '--config.train.steps=2000', '--config.train.keep_checkpoints=1']
    folder = tmp_path / 'run'
    both = started(2, *flags, '--devices=1', f'--workdir={folder}')
    while not list((folder / 'checkpoints').glob('0*')):
        assert [process.poll() for process in both] == [None, None], both[0].communicate()
        time.sleep(0.05)
    both[victim].kill()
    begun = time.monotonic()
    _, said = both[1 - victim].communicate(timeout=120)
    assert (both[1 - victim].returncode, said) == (1, f'launch.py: {GONE}\n')
    # Heartbeats alone would have told after 100 s.
    assert time.monotonic() - begun < 60
    both[victim].communicate()

    saved = max(int(path.name) for path in (folder / 'checkpoints').glob('0*'))
    # To where two processes had not come.
    flags += [f'--config.train.steps={saved + 20}', '--devices=1', f'--workdir={folder}', '--resume=anyway']
    went_on = started(then, *flags) if then > 1 else [real_command.start(*flags)]
    printed = [process.communicate(timeout=300) for process in went_on]
    assert [process.returncode for process in went_on] == [0] * then, printed
    logged = [json.loads(line) for line in (folder / 'metrics.jsonl').read_text().splitlines()]
    steps = [line['step'] for line in logged if (line['split'], line['name'], line['seed']) == ('train', 'loss', 0)]
    assert steps == list(range(5, saved + 21, 5))
