"""Runs as jobs of a Slurm cluster, by submitit: arrays of those that can begin.

A job that is preempted, or whose time is nearly over, gets a signal; its run saves, the job goes back into the queue
and resumes. Jobs outlive this process: the same command finds those that are still in the queue, by a list that it
keeps, and asks squeue, never sacct, so that a cluster without accounting will do.

submitit keeps what it hands over as pickles in the study's folder `.slurm`, which is closed to others.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence

from posbench.knobs.kinds import UsageError
from posbench.knobs.user_file import ROOT
from posbench.runs import process
from posbench.runs.executors import base, slurm_options

FOLDER = '.slurm'
# Tasks of one array: a cluster takes 1,000 if nobody has changed it.
ARRAY = 500
# Seconds between two looks at the results of jobs, and between two at the queue.
LOOK, QUEUE = 1.0, 10.0
# States of a job that will not run again.
OVER = ('BOOT_FAIL', 'CANCELLED', 'COMPLETED', 'DEADLINE', 'FAILED', 'NODE_FAIL', 'OUT_OF_MEMORY', 'PREEMPTED',
        'REVOKED', 'TIMEOUT')  # fmt: skip
KINDS = {'OUT_OF_MEMORY': 'out of memory', 'TIMEOUT': 'timeout', 'DEADLINE': 'timeout'}


class Executor(base.Executor):
    """See the head of this file. `--jobs=N` is how many tasks of an array may run at a time."""

    OPTIONS = slurm_options.OPTIONS
    OUTLIVES = True
    late = base.LATE

    def __init__(self, request, options):
        super().__init__(request, options)
        self._local = options.get('cluster') == 'local'
        try:
            import submitit
        except ImportError:
            raise UsageError(
                '--executor=slurm: it needs submitit, which is not installed; pip install -r requirements-slurm.txt'
            ) from None
        if not self._local and shutil.which('sbatch') is None:
            raise UsageError(
                '--executor=slurm: there is no sbatch here; run the command where jobs are submitted, or try it '
                'without a cluster by --executor.cluster=local'
            )
        self._submitit = submitit
        self._study = request.workdir.absolute()
        self._folder = self._study / FOLDER
        # One name for all jobs of a study, by which squeue finds them.
        words = re.sub(r'[^\w.-]+', '_', self._study.name)[:40]
        self._name = f'posbench-{words}-{hashlib.sha256(os.fsencode(self._study)).hexdigest()[:8]}'
        self._jobs = request.jobs
        # submitit starts all that it is given at once.
        self.places = (request.jobs or 1) if self._local else None
        self._calls: list[Call] = []
        self._states: dict[str, tuple[str, str]] | None = None
        self._asked = 0.0

    def begin(self, attempts: Sequence[base.Attempt]) -> list['Call']:
        calls = []
        for first in range(0, len(attempts), ARRAY):
            part = attempts[first : first + ARRAY]
            jobs = self._submit([Job(attempt) for attempt in part])
            self._note({attempt.name: job.job_id for attempt, job in zip(part, jobs)})
            calls += [Call(self, attempt, job) for attempt, job in zip(part, jobs)]
        self._calls += calls
        self._asked = 0.0
        return calls

    def found(self, attempts: Sequence[base.Attempt]) -> dict[str, 'Call']:
        """The jobs of earlier commands that squeue still has."""
        noted = self._noted()
        states = self._queue() if noted else {}
        if states is None:
            raise UsageError(
                f'--executor=slurm: squeue does not say which jobs of {self._study} are in the queue: {self._problem}'
            )
        calls = {}
        for attempt in attempts:
            state, _ = states.get(noted.get(attempt.name, ''), ('COMPLETED', ''))
            if state not in OVER:
                job = self._submitit.SlurmJob(self._folder, noted[attempt.name])
                calls[attempt.name] = Call(self, attempt, job)
        self._calls += calls.values()
        return calls

    def left(self) -> str:
        # Of an array once.
        jobs = dict.fromkeys(call.job.job_id.partition('_')[0] for call in self._calls if not call.is_over)
        if not jobs:
            return ''
        cancel = 'kill' if self._local else 'scancel'
        return f'jobs go on without this command, until {cancel} {" ".join(jobs)}'

    def state_of(self, job) -> tuple[str, str] | None:
        """State and node of a job by what squeue said last, '' where it knew none; None where it did not answer."""
        if self._local:
            return ('RUNNING' if job.get_info()['jobState'] == 'RUNNING' else 'COMPLETED', 'this machine')
        if time.monotonic() - self._asked > QUEUE:
            self._asked, self._states = time.monotonic(), self._queue()
        return None if self._states is None else self._states.get(job.job_id, ('', ''))

    def _submit(self, jobs: list['Job']) -> list:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        executor = self._executor()
        # A job that is submitted from within a job would inherit what that one asked for.
        inside = 'SLURM_JOB_ID' in os.environ
        try:
            with self._submitit.helpers.clean_env() if inside else contextlib.nullcontext():
                return executor.submit_array(jobs)
        except (self._submitit.core.utils.FailedJobError, self._submitit.core.utils.FailedSubmissionError) as error:
            raise UsageError(f'--executor=slurm: {str(error).strip() or "sbatch failed and said nothing"}') from None
        except FileNotFoundError as error:
            raise UsageError(f'--executor=slurm: {error.filename} is not there any more') from None

    def _executor(self):
        given, rounds = self._options, slurm_options.rounds(self._options)
        setup = [f'export PYTHONPATH={shlex.quote(str(ROOT))}"${{PYTHONPATH:+:$PYTHONPATH}}"']
        setup += [given['setup']] if 'setup' in given else []
        minutes, delay = slurm_options.minutes(given), slurm_options.delay(given)
        if self._local:
            executor = self._submitit.LocalExecutor(self._folder, max_num_timeout=rounds)
            executor.update_parameters(timeout_min=minutes, signal_delay_s=delay, setup=setup)
            return executor
        executor = self._submitit.SlurmExecutor(self._folder, max_num_timeout=rounds)
        executor.update_parameters(
            job_name=self._name,
            time=minutes,
            signal_delay_s=delay,
            array_parallelism=self._jobs or ARRAY,
            setup=setup,
            stderr_to_stdout=True,
            additional_parameters=dict(requeue=True),
            **slurm_options.resources(given),
        )
        return executor

    @property
    def _list(self) -> pathlib.Path:
        return self._folder / 'jobs.jsonl'

    def _note(self, jobs: dict[str, str]) -> None:
        """Which run is which job, for the next command. A line is written whole: other parts of a study append too."""
        with self._list.open('ab', buffering=0) as file:
            file.write(json.dumps(jobs).encode() + b'\n')

    def _noted(self) -> dict[str, str]:
        """The last job of each run."""
        jobs: dict[str, str] = {}
        with contextlib.suppress(OSError):
            for line in self._list.read_bytes().splitlines():
                with contextlib.suppress(ValueError):
                    jobs |= json.loads(line)
        return jobs

    def _queue(self) -> dict[str, tuple[str, str]] | None:
        """State and nodes of all jobs of this study that Slurm still knows; None where it cannot be asked."""
        if self._local:
            return {}
        command = ['squeue', '--noheader', '--array', '--states=all', '--me', f'--name={self._name}']
        try:
            done = subprocess.run([*command, '--format=%i|%T|%N'], capture_output=True, encoding='utf-8', timeout=60)
        except (OSError, subprocess.TimeoutExpired) as error:
            self._problem = str(error)
            return None
        if done.returncode:
            self._problem = done.stderr.strip()
            return None
        lines = (line.strip().split('|') for line in done.stdout.splitlines())
        return {job: (state, node) for job, state, node in (line for line in lines if len(line) == 3)}


class Call:
    """A job of an array."""

    def __init__(self, executor: Executor, attempt: base.Attempt, job):
        self.job, self.is_over = job, False
        self._executor, self._attempt = executor, attempt
        self._begun = self._gone = None
        self._looked = 0.0
        self.waits, self.says = True, f'job {job.job_id} is in the queue'

    @property
    def seconds(self) -> float:
        return 0.0 if self._begun is None else time.monotonic() - self._begun

    def ended(self) -> base.Ended | None:
        if time.monotonic() - self._looked < LOOK:
            return None
        self._looked = time.monotonic()
        if self.job.paths.result_pickle.exists():
            self.is_over = True
            return self._result()
        known = self._executor.state_of(self.job)
        if known is None:
            return None
        state, node = known
        if state and state not in OVER:
            self._gone = None
            self._is(state, node)
            return None
        self._gone = self._gone or time.monotonic()
        if time.monotonic() - self._gone < self._executor.late:
            return None
        self.is_over = True
        return self._unseen(state)

    def _is(self, state: str, node: str) -> None:
        self.waits = state not in ('RUNNING', 'COMPLETING', 'SUSPENDED')
        if not self.waits:
            self._begun = self._begun or time.monotonic()
            self.says = f'job {self.job.job_id} on {node}'
        elif self._begun is not None:
            self._begun, self.says = None, f'job {self.job.job_id} is in the queue again'

    def _result(self) -> base.Ended:
        """What the job has left, or what ended it in submitit's hands."""
        try:
            return self.job.result()
        except self._executor._submitit.core.utils.UncompletedJobError as error:
            lines = [line for line in str(error).splitlines() if line.strip('- ')]
            reason = next((line for line in lines[::-1] if 'Error' in line), lines[-1] if lines else 'no reason')
        if 'timed-out' in reason:
            times = 'its job was in the queue as often as --executor.requeues allows; a longer --executor.time helps'
            return base.Ended(None, self.seconds, times, 'timeout', times)
        return base.Ended(None, self.seconds, reason, 'error', f'job {self.job.job_id}: {reason}')

    def _unseen(self, state: str) -> base.Ended:
        """How a job ended that has left no result: by what Slurm says."""
        log = self._attempt.log
        said = base.last_line(log if log.exists() else self.job.paths.stdout)
        reason = f'Slurm says {state or "nothing more"} of job {self.job.job_id}; it said last: {said}'
        kind = KINDS.get(state, 'killed')
        # Somebody who cancels a job does not want another one.
        return base.Ended(None, self.seconds, said, kind, reason, again=state != 'CANCELLED')


class Job:
    """What a job does: it calls a run. submitit pickles it, and asks it to `checkpoint` before it is requeued."""

    def __init__(self, attempt: base.Attempt):
        self.attempt = attempt

    def __call__(self) -> base.Ended:
        threads = os.environ.get('SLURM_CPUS_PER_TASK') or os.environ.get('SLURM_CPUS_ON_NODE')
        job = os.environ.get('SLURM_ARRAY_JOB_ID') or os.environ.get('SLURM_JOB_ID', 'of this machine')
        where = f'{os.uname().nodename}, job {job}, requeued {os.environ.get("SLURM_RESTART_COUNT", 0)} times'
        before_the_end = _before_the_end()
        # A second signal is of the same end: the system kills what has not saved by then.
        with process.Runner((signal.SIGTERM, signal.SIGINT, before_the_end), kills=False) as runner:
            ended = self.attempt.make(runner, int(threads) if threads else None, where)
        if not runner.came or ended.code == 0:
            return ended
        if before_the_end in runner.came:
            # The handler is submitit's again, which requeues the job.
            signal.raise_signal(before_the_end)
        # Cancelled, or taken away by Slurm, which knows what becomes of the job. A result would be its end.
        raise SystemExit(128 + signal.SIGTERM)

    def checkpoint(self):
        """What the job does when it is there again. The run has saved."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(Job(self.attempt))


def _before_the_end() -> signal.Signals:
    """The signal that submitit has sent before a job's time is over."""
    from submitit.core.job_environment import JobEnvironment

    return signal.Signals[f'SIG{JobEnvironment.USR_SIG}']
