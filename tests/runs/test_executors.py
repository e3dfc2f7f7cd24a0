"""Executors: their options, what the work of a study asks of them, and calls that are made on another machine."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
import types

import pytest

from posbench import failures
from posbench.devices import cpus
from posbench.knobs import command_line
from posbench.knobs.kinds import UsageError
from posbench.runs import cores, executors, live, locks, process
from posbench.runs.executors import base, slurm_options

FOLDER = pathlib.Path(executors.__file__).parent


def test_there_is_a_file_for_each_executor_that_a_command_may_name():
    assert set(command_line.EXECUTORS) == set(executors.EXECUTORS) <= {path.stem for path in FOLDER.glob('*.py')}


@pytest.mark.parametrize(
    'flags, line',
    [
        (
            ['--executor.partition=gpu'],
            '--executor.partition: --executor=local has no such option; it goes with --executor=slurm.',
        ),
        (
            ['--executor=slurm', '--executor.partitoin=gpu'],
            '--executor.partitoin: --executor=slurm has no such option; did you mean --executor.partition? Options: '
            + ', '.join(slurm_options.OPTIONS),
        ),
        (
            ['--executor=slurm', '--executor.address=auto'],
            '--executor.address: --executor=slurm has no such option; it goes with --executor=ray. Options: '
            + ', '.join(slurm_options.OPTIONS),
        ),
        (
            ['--executor=slurm', '--executor.time=soon'],
            "--executor.time: got 'soon', wanted a time of at least one minute, as minutes, HH:MM:SS, D-HH or "
            'D-HH:MM:SS',
        ),
        (
            ['--executor=slurm', '--executor.memory=16 GB'],
            "--executor.memory: got '16 GB', wanted a number with K, M, G or T, as in 16G",
        ),
        (
            ['--executor=slurm', '--executor.setup=a\nb'],
            "--executor.setup: got 'a\\nb', wanted a line of shell, which comes before each call",
        ),
        (['--executor=ray', '--executor.cpus=0'], '--executor.cpus: got 0, wanted a finite number above 0'),
        (
            ['--executor=ray', '--executor.resources.TPU=many'],
            "--executor.resources.TPU: got 'many', wanted a finite number above 0",
        ),
    ],
)
def test_a_wrong_option_is_one_line_before_anything_is_there(study, flags, line):
    for more in ([], ['--dry_run']):
        with pytest.raises(UsageError) as error:
            study(*flags, *more)
        assert str(error.value) == line
    assert not study.results.exists()


def test_options_go_with_studies_and_need_a_value():
    with pytest.raises(UsageError, match=r'--executor.time: it goes with --experiment or --submit, not with --config'):
        command_line.parse(['--config=configs/rope.py', '--executor.time=60'])
    with pytest.raises(UsageError, match=r'^--executor.time: it needs a value, as in --executor.time=VALUE'):
        command_line.parse(['--experiment=experiments/mini.py', '--executor.time'])


@pytest.mark.parametrize(
    'text, minutes',
    [('90', 90), ('90:01', 91), ('4:00:00', 240), ('1-0', 1440), ('1-12:30', 2190), ('2-00:00:01', 2881), ('0:30', 1)],
)
def test_a_time_is_written_as_slurm_writes_it(text, minutes):
    assert slurm_options.Minutes().parse(text) == minutes


@pytest.mark.parametrize('text', ['0', '00:00', '1:2:3:4', '-1', '1d', ''])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(executors.NotAllowed):
        slurm_options.Minutes().parse(text)


@pytest.mark.parametrize('name, package', [('slurm', 'submitit'), ('ray', 'ray')])
def test_a_package_that_is_not_there_is_one_line_that_says_what_to_install(study, monkeypatch, name, package):
    # None there: Python finds none, wherever one may be installed.
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UsageError) as error:
        study(f'--executor={name}')
    assert str(error.value) == (
        f'--executor={name}: it needs {package}, which is not installed; pip install -r requirements-{name}.txt'
    )
    assert not study.results.exists()
    requirements = (FOLDER.parents[2] / f'requirements-{name}.txt').read_text()
    assert f'\n{package}==' in requirements
    # What is only listed needs nothing.
    assert study(f'--executor={name}', '--dry_run') == (0, [])


def test_where_jobs_cannot_be_submitted_is_one_line(study, monkeypatch):
    monkeypatch.setitem(sys.modules, 'submitit', types.ModuleType('submitit'))
    monkeypatch.setenv('PATH', str(study.path.parent))
    with pytest.raises(UsageError, match=r'there is no sbatch here; .* by --executor.cluster=local'):
        study('--executor=slurm')


class Call:
    """A call that is in a queue for some looks, then one of a process of this machine."""

    def __init__(self, attempt, runner, queue: int = 2):
        self.says, self.waits, self.seconds = 'in the queue', True, 0.0
        self._attempt, self._runner, self._left, self._started = attempt, runner, queue, None

    def ended(self):
        if self._left:
            self._left -= 1
            return None
        if self._started is None:
            self.says, self.waits, self._started = 'on node 3', False, self._attempt.start(self._runner)
        return self._started.ended()


class Cluster(base.Executor):
    """Takes all calls there are. `batches` are those that it was asked for together, by names."""

    OUTLIVES = True
    batches: list = []  # noqa: RUF012
    there: tuple = ()  # names of runs whose calls an earlier command has left
    ends: dict = {}  # noqa: RUF012

    def begin(self, attempts):
        self.batches.append([attempt.name for attempt in attempts])
        return [self.call(attempt) for attempt in attempts]

    def found(self, attempts):
        return {attempt.name: self.call(attempt) for attempt in attempts if attempt.name in self.there}

    def call(self, attempt):
        if attempt.name in self.ends:
            return types.SimpleNamespace(says='', waits=False, seconds=1.0, ended=self.ends[attempt.name])
        return Call(attempt, self.runner)

    def left(self):
        return 'jobs go on'


@pytest.fixture
def cluster(monkeypatch):
    monkeypatch.setitem(executors.EXECUTORS, 'local', Cluster)
    monkeypatch.setattr(Cluster, 'batches', [])
    return Cluster


def test_all_that_can_begin_is_asked_for_at_once_and_what_waits_for_it_later(study, cluster, capsys):
    study.edit("'encoding.theta': theta}", "'encoding.theta': theta} | more(name)")
    more = "def more(name):\n    return {'init.folder': '{study}/shaw'} if name == 'rope' else {}\n\ndef claims"
    study.edit('def claims', more)
    code, started = study('--only=[!b]*')
    assert (code, sorted(started), cluster.batches) == (0, ['alibi', 'rope', 'shaw'], [['alibi', 'shaw'], ['rope']])
    out = capsys.readouterr().out
    assert '[2/3] alibi: begins; in the queue\n[3/3] shaw: begins; in the queue\n' in out
    assert '[2/3] alibi: on node 3\n' in out


def test_what_an_earlier_command_has_left_is_not_asked_for_again(study, cluster, monkeypatch, capsys):
    monkeypatch.setattr(cluster, 'there', ('alibi', 'shaw'))
    for name in cluster.there:
        (study.results / name).mkdir(parents=True)
    code, started = study('--only=[!b]*')
    assert (code, sorted(started), cluster.batches) == (0, ['alibi', 'rope', 'shaw'], [['rope']])
    assert '[2/3] alibi: goes on; in the queue\n' in capsys.readouterr().out


def test_a_signal_leaves_what_goes_on_without_this_command(study, cluster, monkeypatch, capsys):
    say = live.Plain.say

    def signalled(view, line):
        say(view, line)
        if 'on node 3' in line:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(live.Plain, 'say', signalled)
    study.edit('rope=1', 'slow=1')
    assert study('--only=s*')[0] == 128 + signal.SIGTERM
    assert capsys.readouterr().err.splitlines()[-1] == (
        'launch.py: SIGTERM: stopped, 0 of 2 runs are done; jobs go on; the same command goes on from there.'
    )
    assert not list(study.results.glob('*/failed.json'))


@pytest.mark.parametrize('late, code', [(60.0, 0), (0.5, 1)])
def test_files_of_another_machine_may_come_late_but_not_too_late(study, cluster, monkeypatch, late, code):
    attempt, looks = attempt_at(study), []

    def ended():
        looks.append(1)
        if code == 0 and len(looks) == 3:
            started = attempt.start(process.Runner())
            started.child.wait()
            started.ended()
        return base.Ended(0, 1.0, '')

    monkeypatch.setattr(cluster, 'late', late)
    monkeypatch.setattr(cluster, 'ends', dict(rope=ended))
    assert study('--only=rope')[0] == code
    assert len(looks) >= 3


@pytest.mark.parametrize(
    'ended, asked, attempts',
    [
        (base.Ended(None, 1.0, 'x', 'killed', 'node lost', again=True), 3, 3),
        (base.Ended(None, 1.0, 'x', 'killed', 'cancelled'), 1, 1),
        # The executor has called it three times itself.
        (base.Ended(None, 1.0, 'x', 'killed', 'node lost', again=True, calls=3), 1, 3),
    ],
)
def test_a_call_is_made_again_where_that_is_worth_it(study, cluster, monkeypatch, ended, asked, attempts):
    monkeypatch.setattr(cluster, 'ends', dict(rope=lambda: ended))
    assert study('--only=rope') == (1, [])
    assert cluster.batches == [['rope']] * asked
    item = failures.read(study.results / 'rope')
    assert (item['kind'], item['reason'], item['attempts']) == ('killed', ended.reason, attempts)


def attempt_at(study, name='rope') -> base.Attempt:
    """A call of a run of the study that is still to be made."""
    study('--only=bad')
    folder = study.results / name
    folder.mkdir(exist_ok=True)
    command = (sys.executable, 'launch.py', f'--workdir={folder}')
    return base.Attempt(name, folder, study.ids[name], command, study.place)


def test_a_call_on_another_machine_waits_for_who_is_at_work_and_does_nothing_twice(study, monkeypatch):
    attempt, naps = attempt_at(study), []
    study.started.write_text('')
    with contextlib.ExitStack() as stack:
        stack.enter_context(locks.held(attempt.folder / '.lock'))
        monkeypatch.setattr(base.time, 'sleep', lambda seconds: (naps.append(seconds), stack.close()))
        with process.Runner() as runner:
            first = attempt.make(runner, 1, 'n1')
    assert (first.code, first.again, naps[0]) == (0, False, 1)
    assert attempt.log.read_text().splitlines()[:2] == ['n1', 'starting']
    with process.Runner() as runner:
        again = attempt.make(runner, 1, 'n1')
    assert (again.code, again.words, study.started.read_text()) == (0, 'done before', 'rope\n')


def test_a_machine_without_the_folder_of_the_run_says_so(study):
    attempt = attempt_at(study)
    attempt.folder.rmdir()
    with process.Runner() as runner:
        ended = attempt.make(runner, None, 'n1')
    assert ended.code == 1 and 'wanted one file system on all machines' in ended.reason and not ended.again


def test_threads_are_told_where_the_system_does_not_keep_a_run_to_its_cores(monkeypatch):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: {0, 1, 2, 3}, raising=False)
    assert cores.at_most(None) == cores.at_most(4) == {}
    assert cores.at_most(2) == {cpus.THREADS: '2'}
    assert cpus.count() == 4
    for text, count in (('2', 2), ('16', 4), ('0', 4), ('x', 4)):
        monkeypatch.setenv(cpus.THREADS, text)
        assert cpus.count() == count


def test_a_second_signal_does_not_kill_where_it_is_of_the_same_end(tmp_path):
    script = (
        'import pathlib, signal, sys, time\n'
        'asked = []\n'
        'signal.signal(signal.SIGTERM, lambda *_: asked.append(1))\n'
        f'pathlib.Path({str(tmp_path / "begun")!r}).touch()\n'
        'while not asked: time.sleep(0.01)\n'
        'time.sleep(0.3)\n'
        'sys.exit(143)\n'
    )
    with process.Runner(kills=False) as runner, (tmp_path / 'log').open('wb') as log:
        child = runner.start([sys.executable, '-c', script], tmp_path, log)
        while not (tmp_path / 'begun').exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert child.wait() == 143
    assert runner.came == [signal.SIGTERM, signal.SIGINT] and runner.stopped_by == signal.SIGTERM


def test_requirements_of_executors_are_not_those_of_posbench():
    needed = (FOLDER.parents[2] / 'requirements.txt').read_text()
    assert 'submitit' not in needed and '\nray' not in needed


def test_nothing_is_imported_before_an_executor_is_asked_for():
    check = 'import sys; from posbench.runs import study; sys.exit(bool({"ray", "submitit"} & set(sys.modules)))'
    assert subprocess.run([sys.executable, '-c', check], cwd=FOLDER.parents[2]).returncode == 0
