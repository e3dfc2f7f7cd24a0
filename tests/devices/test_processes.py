"""Several processes make up one run: the numbers of one process with all their devices, files from the first."""

import socket

import pytest

from tests import real_command


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

    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        address = f'127.0.0.1:{free.getsockname()[1]}'
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
