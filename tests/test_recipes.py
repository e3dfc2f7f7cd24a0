"""Recipes: what the shell makes of them, and that each says what of it was tried."""

import os
import pathlib
import subprocess

import pytest

FILES = sorted((pathlib.Path(__file__).parents[1] / 'recipes').iterdir())
SHELL = [file for file in FILES if file.read_text('utf-8').startswith('#!/usr/bin/env bash\n')]


@pytest.mark.parametrize('file', FILES, ids=lambda file: file.name)
def test_a_recipe_says_what_of_it_was_tried(file):
    head = [line for line in file.read_text('utf-8').splitlines() if line.startswith('# ')]
    assert any(line.startswith(('# Tried', '# Not tried')) for line in head)


@pytest.mark.parametrize('file', SHELL, ids=lambda file: file.name)
def test_the_shell_can_read_a_recipe(file):
    assert subprocess.run(['bash', '-n', str(file)]).returncode == 0


def stand_in(folder: pathlib.Path, name: str, lines: str) -> dict[str, str]:
    """The environment in which a command is a script of these lines."""
    (folder / name).write_text(f'#!/bin/sh\n{lines}\n')
    (folder / name).chmod(0o755)
    return {**os.environ, 'PATH': f'{folder}:{os.environ["PATH"]}'}


def test_a_host_of_a_slice_runs_its_part_on_its_own_chips(tmp_path):
    environment = stand_in(tmp_path, 'python', 'echo "$@"; echo $TPU_PROCESS_BOUNDS ${TPU_WORKER_ID-none}; pwd')
    command = [str(FILES[0].parent / 'host.sh'), '3', '4', '--experiment=x.py', '--config.run=a b']
    done = subprocess.run(command, env=environment | dict(TPU_WORKER_ID='3'), cwd=tmp_path, capture_output=True)
    assert done.stdout.decode().splitlines() == [
        'launch.py --experiment=x.py --config.run=a b --shard=3/4', '1,1,1 none', str(FILES[0].parents[1])
    ]  # fmt: skip


@pytest.mark.parametrize('code, requeued', [(143, True), (1, False), (0, False)])
def test_a_job_goes_back_into_the_queue_where_its_run_was_stopped_and_has_saved(tmp_path, code, requeued):
    stand_in(tmp_path, 'scontrol', f'echo "$@" > {tmp_path}/scontrol.txt')
    environment = stand_in(tmp_path, 'srun', f'exit {code}')
    names = dict(SLURM_JOB_ID='9', SLURM_ARRAY_JOB_ID='8', SLURM_ARRAY_TASK_ID='1', SLURM_ARRAY_TASK_COUNT='2')
    for name, job in (('run.sbatch', '9'), ('study.sbatch', '8_1')):
        (tmp_path / 'scontrol.txt').write_text('')
        done = subprocess.run(['bash', str(FILES[0].parent / name)], env=environment | names)
        assert done.returncode == code
        assert (tmp_path / 'scontrol.txt').read_text() == (f'requeue {job}\n' if requeued else '')
