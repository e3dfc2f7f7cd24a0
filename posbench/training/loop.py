"""A run from its first step to its last: resume, train, validate, save."""

import dataclasses
import pathlib
import signal
import time

import jax.numpy as jnp
import numpy as np

from posbench.devices import fingerprint, parallel
from posbench.training import checkpoint, step
from posbench.training.job import Job
from posbench.training.log import Log
from posbench.training.progress import Progress


class NotANumber(RuntimeError):
    """The loss or a gradient stopped being a number."""


class Terminated(RuntimeError):
    """SIGTERM came; the state is saved."""


@dataclasses.dataclass(frozen=True)
class Trained:
    """Parameters of all seeds after the last step, [S, ...] a leaf, and those at the end of the phase before."""

    params: dict
    step: int
    before: 'Trained | None' = None


def run(job: Job, folder: pathlib.Path, resume: str, progress: Progress) -> Trained:
    """Trains all seeds to the last step, from the newest good checkpoint if there is one and `resume` allows it.

    A phase ends like a run, with a validation and a checkpoint, which is kept for its rows. The next one is made of
    that state, so that it does not matter on which side of the border a run was killed.

    Raises NotANumber within one call of steps after the first bad loss, with the last good checkpoint kept, and
    Terminated after SIGTERM, with the state saved. CheckpointError: none is there and `resume` is 'must', or all that
    are there are damaged.
    """
    started = time.perf_counter()
    with _checkpoints(job, folder, progress) as checkpoints, _Interrupt() as interrupt:
        at, state = _first_state(job, checkpoints, resume, progress)
        if at == job.schedule.steps:
            return Trained(state.params, at, _end_of(job.before, checkpoints, progress))
        log = Log(folder, at) if parallel.is_first() else None
        loop = _Loop(job, at, state, log, checkpoints, interrupt, progress, started)
        # The loop holds the only copy.
        del state
        progress.start(job.schedule.steps, at)
        for phase in job.phases:
            if loop.at < phase.schedule.steps:
                loop.train(phase)
        loop.close()
        return Trained(loop.state.params, loop.at, _end_of(job.before, checkpoints, progress))


class _Loop:
    """Steps, and after some of them a line of the log, a validation, a checkpoint."""

    def __init__(self, job: Job, at: int, state, log: Log | None, checkpoints, interrupt, progress, started: float):
        self.at, self.state = at, state
        self._schedule, self._layout, self._seeds = job.schedule, job.layout, job.seeds
        self._checkpoints, self._interrupt, self._progress = checkpoints, interrupt, progress
        # None in all processes but one: they have nothing to say that it does not.
        self._log, self._started = log, started

    def train(self, phase: Job) -> None:
        """To the last step of a phase, perhaps from that of the phase before. Raises as `run` does."""
        schedule, end = self._schedule, phase.schedule.steps
        if self.at == phase.start > 0:
            self.state = phase.take_over(self.state)
            self._progress.note(f'Step {self.at}: from here on the encoding is {phase.encoding_name}.')
        steps = phase.compiled_steps()
        self.state = parallel.place_state(self.state, self._layout)
        source = device_source(phase) if phase.on_device else None
        while self.at < end:
            begun = time.perf_counter()
            count = min(schedule.steps_per_call - self.at % schedule.steps_per_call, end - self.at)
            some = source or _host_source(phase, self.at, count)
            self.state, metrics = steps(self.state, some, jnp.int32(count))
            metrics = {name: values[:, :count] for name, values in parallel.numbers(metrics, self._layout).items()}
            self.at += count
            self._write_steps(phase, metrics, time.perf_counter() - begun)
            if self.at == end or self.at % schedule.evaluate_every == 0:
                self._validate(phase)
            stop = parallel.any_process(self._interrupt.requested)
            if self.at == end or self.at % schedule.checkpoint_every == 0 or stop:
                self._save()
            if stop:
                self._checkpoints.wait()
                raise Terminated(f'SIGTERM: saved step {self.at}; the same command goes on from there.')
        self.state = parallel.one_copy(self.state, self._layout)

    def close(self) -> None:
        """Ends the log."""
        if self._log:
            self._log.close()

    def _write_steps(self, phase: Job, metrics: dict[str, np.ndarray], seconds: float) -> None:
        """The log's lines of the last steps, and the bar; NotANumber where one of their metrics is none."""
        at, count = self.at, metrics['loss'].shape[1]
        if self._started is not None:
            took = time.perf_counter() - self._started
            self._progress.note(f'First {count} steps done {took:.1f} s after the start.')
            self._started = None
        _check_finite(metrics, at - count, self._seeds)
        means = {name: values.astype(np.float64).mean(axis=1) for name, values in metrics.items()}
        tokens = self._schedule.batch_size * self._schedule.length * len(self._seeds) * count
        if self._log:
            rate = float(phase.learning_rate(at - 1 - phase.start))
            self._log.metrics(at, 'train', self._seeds, means | dict(learning_rate=np.full(len(self._seeds), rate)))
            self._log.timing(at, tokens, seconds)
        self._progress.update(at, means['loss'].mean(), tokens / seconds)

    def _validate(self, phase: Job) -> None:
        validation = _validation(phase, parallel.one_copy(self.state, self._layout).params)
        if self._log:
            self._log.metrics(self.at, 'validation', self._seeds, validation)
        bits = np.mean(validation['bits_per_character'])
        self._progress.note(f'Step {self.at}: validation {bits:.3f} bits a character.')

    def _save(self) -> None:
        # The log goes to the disk first: a checkpoint promises that everything up to its step is written.
        if self._log:
            self._log.flush()
        notes = dict(fingerprint=fingerprint.fingerprint())
        self._checkpoints.save(self.at, parallel.one_copy(self.state, self._layout), notes)


def restore(job: Job, folder: pathlib.Path, progress: Progress) -> Trained:
    """The newest good checkpoint's parameters; CheckpointError where there is none."""
    with _checkpoints(job, folder, progress) as checkpoints:
        restored = checkpoints.restore(_abstract_state(job))
        if restored is None:
            raise checkpoint.CheckpointError(f'{folder}: there is no checkpoint here; train first.')
        before = _end_of(job.at(restored.step).before, checkpoints, progress)
    return Trained(restored.state.params, restored.step, before)


def _checkpoints(job: Job, folder: pathlib.Path, progress: Progress) -> checkpoint.Checkpoints:
    """Those of a run; the ends of its phases stay, to be scored when it is done."""
    ends = [phase.schedule.steps for phase in job.phases[:-1]]
    return checkpoint.Checkpoints(folder / 'checkpoints', job.schedule.keep_checkpoints, progress.note, always=ends)


def _abstract_state(job: Job):
    return lambda step: job.at(step).abstract_state


def _end_of(phase: Job | None, checkpoints, progress: Progress) -> Trained | None:
    """The parameters at the end of a phase that is over; None, and a line, where they cannot be read any more."""
    if phase is None:
        return None
    step = phase.schedule.steps
    # A save that failed is the run's own failure.
    checkpoints.wait()
    try:
        restored = checkpoints.restore(phase.abstract_state, step=step)
    except checkpoint.CheckpointError as error:
        progress.note(f'The encoding {phase.encoding_name} of the first {step} steps cannot be scored: {error}')
        return None
    return Trained(restored.state.params, step, _end_of(phase.before, checkpoints, progress))


def _first_state(job: Job, checkpoints, resume: str, progress: Progress) -> tuple[int, step.State]:
    """(step, state) to start from, and a line that says which rule applied."""
    restored = None if resume == 'never' else checkpoints.restore(_abstract_state(job))
    if restored is None:
        if resume == 'must':
            raise checkpoint.CheckpointError(f'--resume=must: there is no checkpoint in {checkpoints.folder}.')
        progress.note(f'--resume={resume}: no checkpoint, starting at step 0.')
        return 0, job.phases[0].init_state()
    changed = fingerprint.differences(restored.notes['fingerprint'], fingerprint.fingerprint())
    if changed:
        progress.note(f'--resume={resume}: from step {restored.step}, but not bit for bit: {"; ".join(changed)}.')
    else:
        progress.note(f'--resume={resume}: from step {restored.step}, bit for bit (same fingerprint).')
    return restored.step, restored.state


def device_source(job: Job) -> step.Source:
    """The training text on the devices."""
    tokens_N = np.asarray(job.text.tokens['train'])
    return step.Source(parallel.place(job.task(tokens_N), job.layout))


def _host_source(job: Job, at: int, count: int) -> step.Source:
    """Windows of the next steps, filled up to a full call so that the shape never changes."""
    schedule = job.schedule
    task = job.task(job.text.tokens['train'])
    windows = step.host_windows(task, job.seeds, at, schedule.steps_per_call, schedule.batch_size, schedule.length)
    return parallel.place(step.Source(job.task(np.zeros(1, np.int32)), windows), job.layout)


def _validation(job: Job, params_S) -> dict[str, np.ndarray]:
    """Loss and bits per character of each seed on validation windows of the training length."""
    windows = job.evaluator().windows(params_S, job.text.tokens['validation'], job.schedule.length, job.plan.tokens)
    values = [score.values() for score in windows.scores()]
    return {name: np.array([value[name] for value in values]) for name in ('loss', 'bits_per_character')}


def _check_finite(metrics: dict, first: int, seeds) -> None:
    bad = [
        (number, name != 'loss', seed, name)
        for name, values_SN in metrics.items()
        for seed, number in np.argwhere(~np.isfinite(values_SN))
    ]
    if bad:
        # The earliest, and of one step the loss: its gradient is no news.
        number, _, seed, name = min(bad)
        raise NotANumber(
            f'{name} of seed {seeds[seed]} is {metrics[name][seed, number]} at step {first + number + 1}; '
            'the last checkpoint before it is kept.'
        )


class _Interrupt:
    """A context manager that remembers that SIGTERM came, so that the steps under way can end and be saved."""

    requested = False

    def __enter__(self) -> '_Interrupt':
        self._before = signal.signal(signal.SIGTERM, self._remember)
        return self

    def __exit__(self, *_) -> None:
        # After training there is nothing to save, and SIGTERM ends the process as it always does.
        signal.signal(signal.SIGTERM, self._before)

    def _remember(self, *_) -> None:
        self.requested = True
