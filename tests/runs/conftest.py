"""A study whose runs are processes that stand for launch.py: what its driver does can be seen in milliseconds."""

import json
import os

import pytest

from posbench import report
from posbench.knobs import command_line
from posbench.knobs.user_file import ROOT
from posbench.runs import study as studies
from posbench.runs import work, workdir
from tests.report.runs import TASK, rows_of

STUDY = """
from posbench.runs.study import Run

def runs():
    return [Run(name, 'configs/rope.py', {'train.steps': '2000', 'encoding.theta': theta})
            for name, theta in dict(rope=1, bad=2, alibi=3, shaw=4).items()]

def claims(rows):
    runs = sorted({row.run for row in rows if not row.is_baseline})
    return [dict(claim='all runs are here', verdict='FAIL', evidence=' '.join(runs))]
"""

# Stands for launch.py: notes its start, and then fails, or writes the files of its run into its folder.
FAKE = """
import json, os, signal, sys, time
flags = dict(flag.partition('=')[::2] for flag in sys.argv[1:])
folder = os.path.join({root!r}, flags['--workdir'])
name = os.path.basename(folder)
with open({started!r}, 'a') as file:
    file.write(' '.join([name, *(flag for flag in sys.argv if flag.startswith(('--mode', '--resume')))]) + '\\n')
print('starting', flush=True)
if name == 'bad':
    sys.exit('launch.py: loss is nan at step 3')
if name == 'stopped':
    # The driver is told to end, and tells its run.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    os.kill(os.getppid(), signal.SIGINT)
    signal.sigwait([signal.SIGTERM])
    print('launch.py: SIGTERM: saved step 3; the same command goes on from there.')
    sys.exit(143)
before = open({started!r}).read().split().count(name) - 1
if name == 'killed' or (name == 'killed_once' and not before):
    os.kill(os.getpid(), signal.SIGKILL)
if name in ('slow', 'interrupted') or (name == 'slow_once' and not before):
    # It saves when it is asked to end.
    signal.signal(signal.SIGTERM, lambda *_: (os.remove(os.path.join(folder, 'asleep')), sys.exit(143)))
    open(os.path.join(folder, 'asleep'), 'w').close()
    if name == 'interrupted':
        # By a Ctrl-C of the driver, whose number only this test's process knows.
        os.kill({driver}, signal.SIGINT)
    time.sleep(600)
if name == 'nan':
    with open(os.path.join(folder, 'failed.json'), 'w') as file:
        json.dump(dict(run=name, kind='nan', reason='loss of seed 0 is nan at step 3; kept', attempts=1), file)
    sys.exit('launch.py: loss of seed 0 is nan at step 3; kept')
if name in ('left', 'right'):
    # Each waits for the other one to have started.
    while not {{'left', 'right'}} <= set(open({started!r}).read().split()):
        time.sleep(0.01)
    print('cores', sorted(os.sched_getaffinity(0)))
if name == 'told':
    names = ('XLA_FLAGS', 'PJRT_NPROC', 'XLA_PYTHON_CLIENT_MEM_FRACTION')
    print('told', *map(os.environ.get, names))
if name == 'empty':
    sys.exit(0)
for path, text in json.load(open({files!r}))[name].items():
    with open(os.path.join(folder, path), 'w') as file:
        file.write(text)
"""


@pytest.fixture
def study(tmp_path, monkeypatch):
    """study(...) runs four runs, of which 'bad' fails, in processes that stand for launch.py: (code, what started).

    What a process does goes by the name of its run; `edit` gives runs other names.
    """
    path, started, files = tmp_path / 'small_study.py', tmp_path / 'started', tmp_path / 'files.json'
    place, reports, make = tmp_path / 'repository', [], studies.plan.make
    path.write_text(STUDY)
    place.mkdir()
    fake = dict(driver=os.getpid(), root=str(ROOT), started=str(started), files=str(files))
    (place / 'launch.py').write_text(FAKE.format(**fake))

    def planned(*arguments):
        """The plan, and what each of its runs will leave."""
        runs = make(*arguments)
        left = {}
        for one in runs:
            rows = rows_of(one.name, seeds=(0,), config_hash=one.id, step=one.config.train.steps)
            left[one.name] = {'config.json': workdir.as_json(one.config), 'task.json': json.dumps(TASK)}
            run.ids[one.name] = one.id
            left[one.name]['rows.jsonl'] = ''.join(json.dumps(row) + '\n' for row in rows)
        files.write_text(json.dumps(left))
        return runs

    monkeypatch.setattr(studies.plan, 'make', planned)
    monkeypatch.setattr(work, 'ROOT', place)
    monkeypatch.setattr(work, 'PATIENCE', 0.1)
    monkeypatch.setattr(report, 'build', reports.append)

    def run(*flags):
        started.write_text('')
        request = command_line.parse([f'--experiment={path}', f'--workdir={tmp_path / "results"}', *flags])
        return studies.run(request), started.read_text().splitlines()

    run.results, run.reports, run.path = tmp_path / 'results', reports, path
    run.place, run.started, run.ids = place, started, {}
    run.edit = lambda old, new: path.write_text(path.read_text().replace(old, new))
    return run
