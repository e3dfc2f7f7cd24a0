"""Jobs of Slurm by submitit, where that is installed: on this machine, and by commands that answer as Slurm's do.

Two nodes of a real Slurm are asked by `python -m benchmarks.cluster`.
"""

import os
import re
import stat

import pytest

from posbench import failures
from posbench.knobs.kinds import UsageError
from posbench.knobs.user_file import ROOT
from posbench.runs.executors import slurm

pytest.importorskip('submitit', reason='submitit is not installed: requirements-slurm.txt')

# Slurm's commands: jobs are noted and never run; what squeue says of them stands in a file.
SBATCH = """#!/bin/sh
cp "$1" {folder}/submitted
echo x >> {folder}/count
echo "Submitted batch job $(wc -l < {folder}/count)"
"""
SQUEUE = '#!/bin/sh\ncat {folder}/states\n'
SRUN = '#!/bin/sh\nexit 1\n'


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    for name in ('LOOK', 'QUEUE'):
        monkeypatch.setattr(slurm, name, 0.05)
    monkeypatch.setattr(slurm.Executor, 'late', 0.05)


@pytest.fixture
def commands(tmp_path, monkeypatch):
    """A folder with sbatch, squeue and srun; `states` is what squeue prints, `count` has a line a submission."""
    for name, text in (('sbatch', SBATCH), ('squeue', SQUEUE), ('srun', SRUN)):
        (tmp_path / name).write_text(text.format(folder=tmp_path))
        (tmp_path / name).chmod(0o755)
    (tmp_path / 'states').write_text('')
    (tmp_path / 'count').write_text('')
    monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')
    return tmp_path


def test_runs_are_jobs_that_fail_and_are_tried_again_as_anywhere(study, capsys):
    study.edit('alibi=3, shaw=4', 'killed_once=3')
    code, started = study('--executor=slurm', '--executor.cluster=local', '--jobs=3')
    assert (code, sorted(started)) == (1, ['bad', 'killed_once', 'killed_once', 'rope'])
    assert failures.read(study.results / 'bad')['reason'] == 'loss is nan at step 3'
    assert re.search(r'killed_once: killed after .* ended by SIGKILL; .*; tried again', capsys.readouterr().out)
    # What it hands over are pickles, which nobody else may change.
    assert stat.S_IMODE((study.results / slurm.FOLDER).stat().st_mode) == 0o700
    assert study('--executor=slurm', '--executor.cluster=local', '--only=[!b]*') == (0, [])


def test_a_job_whose_time_is_nearly_over_saves_and_goes_on_in_the_next(study):
    study.edit('rope=1', 'slow_once=1')
    flags = ['--executor=slurm', '--executor.cluster=local', '--executor.time=1', '--executor.signal=53']
    assert study(*flags, '--only=slow_once') == (0, ['slow_once', 'slow_once'])
    log = (study.results / 'slow_once' / 'log.txt').read_text()
    assert log.count('job of this machine') == 2 and len(slurm_jobs(study)) == 1


@pytest.mark.everything
def test_a_run_that_never_saves_enough_is_given_up_after_so_many_jobs(study):
    study.edit('rope=1', 'slow=1')
    flags = ['--executor=slurm', '--executor.cluster=local', '--executor.time=1', '--executor.signal=53']
    assert study(*flags, '--executor.requeues=1', '--only=slow') == (1, ['slow', 'slow'])
    item = failures.read(study.results / 'slow')
    assert item['kind'] == 'timeout' and '--executor.requeues allows' in item['reason']


def slurm_jobs(study) -> list[str]:
    return (study.results / slurm.FOLDER / 'jobs.jsonl').read_text().splitlines()


def test_a_job_asks_for_what_the_command_does(study, commands):
    study('--executor=slurm', '--executor.partition=gpu', '--executor.time=1-0', '--executor.memory=16G',
          '--executor.gpus=a100:1', '--executor.cpus=4', '--executor.setup=module load cuda', '--jobs=2',
          '--retries=0')  # fmt: skip
    text = (commands / 'submitted').read_text()
    for line in ('--partition=gpu', '--time=1440', '--mem=16G', '--gpus-per-node=a100:1', '--cpus-per-task=4',
                 '--array=0-3%2', '--signal=USR2@90', '--requeue'):  # fmt: skip
        assert f'#SBATCH {line}\n' in text
    assert text.index(f'export PYTHONPATH={ROOT}') < text.index('module load cuda') < text.index('srun')


@pytest.mark.parametrize(
    'state, submissions, kind',
    [('NODE_FAIL', 3, 'killed'), ('TIMEOUT', 3, 'timeout'), ('OUT_OF_MEMORY', 3, 'out of memory'),
     ('CANCELLED', 1, 'killed')],
)  # fmt: skip
def test_jobs_that_leave_no_result_are_judged_by_what_squeue_says(study, commands, state, submissions, kind):
    (commands / 'states').write_text(''.join(f'{job}|{state}|n1\n' for job in (1, 2, 3)))
    assert study('--executor=slurm', '--only=rope')[0] == 1
    item = failures.read(study.results / 'rope')
    assert (item['kind'], item['attempts']) == (kind, submissions)
    assert f'Slurm says {state} of job {submissions}' in item['reason']
    assert len((commands / 'count').read_text().split()) == submissions


def test_a_job_that_is_still_there_is_found_and_not_submitted_twice(study, commands, monkeypatch, capsys):
    # A driver that dies when it has submitted.
    with monkeypatch.context() as dying, pytest.raises(ZeroDivisionError):
        dying.setattr(slurm.Call, 'ended', lambda call: 1 / 0)
        study('--executor=slurm', '--only=[!b]*')
    # One of its array is done, one is running, and one waits for two minutes as requeued ones do.
    (commands / 'states').write_text('1_0|CANCELLED|n1\n1_1|RUNNING|n1\n1_2|PENDING|\n')
    looks = []

    def look(call):
        looks.append(call.job.job_id)
        if len(looks) > 4:
            (commands / 'states').write_text(''.join(f'{job}|CANCELLED|\n' for job in ('1_0', '1_1', '1_2', '2')))
        return ended(call)

    ended = slurm.Call.ended
    monkeypatch.setattr(slurm.Call, 'ended', look)
    capsys.readouterr()
    assert study('--executor=slurm', '--only=[!b]*')[0] == 1
    out = capsys.readouterr().out
    assert 'alibi: goes on; job 1_1 ' in out and 'shaw: goes on; job 1_2 ' in out
    assert 'rope: begins; job 2 ' in out
    assert len((commands / 'count').read_text().split()) == 2


def test_a_queue_that_cannot_be_asked_is_one_line_before_anything_is_submitted_twice(study, commands):
    (commands / 'states').write_text('1|CANCELLED|\n')
    study('--executor=slurm', '--only=rope')
    (commands / 'squeue').write_text('#!/bin/sh\necho slurm_load_jobs error: no controller >&2; exit 1')
    with pytest.raises(UsageError, match=r'squeue does not say which jobs .*: slurm_load_jobs error: no controller'):
        study('--executor=slurm', '--only=rope')


def test_what_sbatch_refuses_is_one_line(study, commands):
    (commands / 'sbatch').write_text('#!/bin/sh\necho "sbatch: error: invalid partition specified: gpuu" >&2; exit 1')
    with pytest.raises(UsageError, match=r'^--executor=slurm: sbatch: error: invalid partition specified: gpuu$'):
        study('--executor=slurm', '--executor.partition=gpuu')
