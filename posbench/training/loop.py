"""A run from its first step to its last: resume, train, validate, save."""

import dataclasses
import functools
import pathlib
import signal
import time

import jax.numpy as jnp
import numpy as np

from posbench import interrupts, manifest
from posbench.devices import fingerprint, parallel
from posbench.training import checkpoint, clock, log, nans, origin, profile, step
from posbench.training.progress import Progress
from posbench.training.trainable import Trainable


class NotANumber(RuntimeError):
    """The loss or a gradient stopped being a number."""


class AnotherRun(ValueError):
    """The checkpoints are of another config or other data than the job."""


class Interrupted(RuntimeError):
    """SIGTERM or Ctrl-C came; the state is saved. `code` is the exit code."""

    def __init__(self, number: signal.Signals, step: int):
        super().__init__(f'{number.name}: saved step {step}; the same command goes on from there.')
        self.code = interrupts.CODES[number]


@dataclasses.dataclass(frozen=True)
class Trained:
    """Parameters after the last step, [S, ...] a leaf but for frozen ones, and those at the end of the phase before.

    origin: what they were trained from (origin.py); None where their checkpoint does not say.
    history: a line for each time that the run went on as another one than it had been.
    """

    params: dict
    frozen: dict
    step: int
    before: 'Trained | None' = None
    origin: dict | None = None
    history: tuple[str, ...] = ()


def run(job: Trainable, folder: pathlib.Path, resume: str, progress: Progress, profiled: int | None = None) -> Trained:
    """Trains all seeds to the last step, from the newest good checkpoint if there is one and `resume` allows it.
    `profiled`: how many steps are traced, see profile.py.

    A phase ends like a run, with a validation and a checkpoint, which is kept for its rows. The next one is made of
    that state, so that it does not matter on which side of the border a run was killed.

    Raises NotANumber within one call of steps after the first bad loss, with the last good checkpoint kept, and
    Interrupted, with the state saved, where a signal came and interrupts.watch() holds it back. CheckpointError: a
    save failed, none is there and `resume` is 'must', or all that are there are damaged. AnotherRun: they are of
    another config or of other data, and `resume` is not 'anyway'. OSError: the log cannot be written.
    """
    started, time_of = time.perf_counter(), clock.Clock()
    trace = profile.Profile(folder, profiled, progress.note)
    with_log = resume != 'anyway'
    with interrupts.Hold() as hold, _checkpoints(job, folder, progress, with_log=with_log) as checkpoints:
        at, state, history = _first_state(job, checkpoints, resume, progress)
        came_from = dict(origin=job.origin, history=history)
        interrupts.leaves(_saved(at))
        if at == job.schedule.steps:
            return Trained(state.params, state.frozen, at, _end_of(job.before, checkpoints, progress), **came_from)
        keeper = _Keeper(job, at, checkpoints, progress, started, came_from, time_of)
        if at == 0 and job.starts_elsewhere:
            keeper.begin(job.phases[0], state)
        for phase in job.phases:
            if at >= phase.schedule.steps:
                continue
            if at == phase.start > 0:
                state = phase.take_over(state)
                progress.note(f'Step {at}: from here on with {phase.phase_name}.')
            steps = phase.compiled_steps
            state = parallel.place_state(state, job.layout)
            feed = phase.feeder()
            while at < phase.schedule.steps:
                begun = time.perf_counter()
                most = job.schedule.steps_per_call
                count = min(most - at % most, phase.schedule.steps - at)
                before = nans.copy(state, phase) if job.debug_nans else None
                with time_of.of('data'):
                    fed = feed(at)
                with trace.of(at, count, last=at + count == job.schedule.steps), time_of.of('compute'):
                    state, metrics = steps(state, fed, jnp.int32(count))
                    measured = parallel.numbers(metrics, job.layout)
                if job.debug_nans and nans.are_in((nans.copy(state, phase), measured)):
                    raise NotANumber(nans.explain(phase, before, fed, at, count))
                measured = {name: values[:, :count] for name, values in measured.items()}
                # While the first steps are compiled and done there is nothing to save.
                hold.begin()
                at += count
                keeper.keep(phase, at, state, measured, time.perf_counter() - begun)
            state = parallel.one_copy(state, job.layout)
        keeper.close()
        progress.note(time_of.sentence())
        return Trained(state.params, state.frozen, at, _end_of(job.before, checkpoints, progress), **came_from)


class _Keeper:
    """What is left of steps: lines of the log, and after some of them a validation, a checkpoint."""

    def __init__(
        self,
        job: Trainable,
        at: int,
        checkpoints,
        progress: Progress,
        started: float,
        came_from: dict,
        time_of: clock.Clock,
    ):
        self._time_of = time_of
        self._schedule, self._layout, self._seeds = job.schedule, job.layout, job.seeds
        self._checkpoints, self._progress = checkpoints, progress
        # None in all processes but one: they have nothing to say that it does not.
        # Before the first step there is nothing that a log could go on from.
        self._log = log.Log(checkpoints.folder.parent, at or -1) if parallel.is_first() else None
        self._started, self._finished, self._came_from = started, at, came_from
        progress.start(job.schedule.steps, at)

    def begin(self, phase: Trainable, state: step.State) -> None:
        """Validates weights from elsewhere before they are trained: what they were worth."""
        self._validate(phase, 0, state)

    def keep(
        self, phase: Trainable, at: int, state: step.State, metrics: dict[str, np.ndarray], seconds: float
    ) -> None:
        """Called with the state after `at` steps, and what the last ones measured. Raises as `run` does."""
        units = phase.units_per_step * len(self._seeds) * metrics['loss'].shape[1]
        self._write_steps(phase, at, metrics, units / seconds)
        is_end = at == phase.schedule.steps
        if is_end or at % self._schedule.evaluate_every == 0:
            self._validate(phase, at, state)
        if self._log:
            self._log.timing(at, phase.unit, units, seconds, self._time_of.take())
        signal_here = interrupts.requested()
        stop = parallel.any_process(signal_here is not None)
        if is_end or at % self._schedule.checkpoint_every == 0 or stop:
            self._save(at, state)
        if stop:
            self._checkpoints.wait()
            raise Interrupted(signal.Signals(signal_here or signal.SIGTERM), at)

    def close(self) -> None:
        """Ends the log."""
        if self._log:
            self._log.close()

    def _write_steps(self, phase: Trainable, at: int, metrics: dict[str, np.ndarray], pace: float) -> None:
        """The log's lines of the last steps, and the bar; NotANumber where one of their metrics is none."""
        count = metrics['loss'].shape[1]
        if self._started is not None:
            took = time.perf_counter() - self._started
            self._progress.note(f'First {count} steps done {took:.1f} s after the start.')
            self._started = None
        _check_finite(metrics, at - count, self._seeds)
        means = {name: values.astype(np.float64).mean(axis=1) for name, values in metrics.items()}
        if self._log:
            rate = float(phase.learning_rate(at - 1 - phase.start))
            self._log.metrics(at, 'train', self._seeds, means | dict(learning_rate=np.full(len(self._seeds), rate)))
        self._progress.update(at, means['loss'].mean(), pace, phase.unit)

    def _validate(self, phase: Trainable, at: int, state: step.State) -> None:
        with self._time_of.of('evaluation'):
            validation = phase.validate(parallel.one_copy(state, self._layout))
        if self._log:
            self._log.metrics(at, 'validation', self._seeds, validation)
        name, unit = phase.decides
        self._progress.note(f'Step {at}: validation {name} {np.mean(validation[name]):.3f} ({unit}).')

    def _save(self, at: int, state: step.State) -> None:
        with self._time_of.of('checkpoint'):
            # The log goes to the disk first: a checkpoint promises that everything up to its step is written.
            said = self._log.flush() if self._log else {}
            notes = dict(fingerprint=fingerprint.fingerprint(), log=said, **self._came_from)
            self._checkpoints.save(at, parallel.one_copy(state, self._layout), notes)
        # This save goes on; it has waited for the one before.
        interrupts.leaves(_saved(self._finished))
        self._finished = at


def restore(job: Trainable, folder: pathlib.Path, progress: Progress, resume: str = 'auto') -> Trained:
    """The newest checkpoint's parameters; CheckpointError where it is damaged, or there is none, AnotherRun as `run`
    raises it.
    """
    with _checkpoints(job, folder, progress) as checkpoints:
        restored = checkpoints.restore(_abstract_state(job))
        if restored is None:
            raise checkpoint.CheckpointError(f'{folder}: there is no checkpoint here; train first.')
        if restored.rejected:
            # A run that goes on makes it anew; here older weights would pass for those of the last step.
            newest, reason = restored.rejected[0]
            raise checkpoint.CheckpointError(
                f'{checkpoints.folder}: step {newest} is damaged: {reason}; move it away to use step {restored.step}'
            )
        changed = _changes(job, restored, resume)
        if changed:
            progress.note(f'From step {restored.step}, trained otherwise than here: {"; ".join(changed)}.')
        before = _end_of(job.at(restored.step).before, checkpoints, progress)
    came_from = {name: restored.notes.get(name, default) for name, default in (('origin', None), ('history', ()))}
    return Trained(restored.state.params, restored.state.frozen, restored.step, before, **came_from)


def _changes(job: Trainable, restored: checkpoint.Restored, resume: str) -> list[str]:
    """What the job has otherwise than a checkpoint, but for the machine; AnotherRun where that makes it another run."""
    there = restored.notes.get('origin')
    if there is None:
        return ['its checkpoint does not say of which config, data and code it is']
    refused = origin.refused(there, job.origin)
    if refused and resume != 'anyway':
        raise AnotherRun(
            f'Step {restored.step} is of another run: {origin.some(refused)}; choose another --workdir, or have both '
            'in one run with --resume=anyway'
        )
    return refused + origin.said(there, job.origin)


def _checkpoints(
    job: Trainable, folder: pathlib.Path, progress: Progress, *, with_log: bool = False
) -> checkpoint.Checkpoints:
    """Those of a run; the ends of its phases stay, to be scored when it is done.

    With its log a step is only good while the log holds all that was measured before it; --resume=anyway does without.
    """
    ends = [phase.schedule.steps for phase in job.phases[:-1]]
    options = dict(always=ends, beside=functools.partial(_check_log, folder)) if with_log else dict(always=ends)
    return checkpoint.Checkpoints(folder / 'checkpoints', job.schedule.keep_checkpoints, progress.note, **options)


def _check_log(folder: pathlib.Path, notes: dict) -> None:
    log.check(folder, notes.get('log', {}))


def _log_damage(folder: pathlib.Path, notes: dict) -> str | None:
    """What is lost of the log that goes with a checkpoint."""
    try:
        _check_log(folder, notes)
    except manifest.Damaged as error:
        return str(error)
    return None


def _saved(at: int) -> str:
    """What a signal leaves, for interrupts."""
    return f'step {at} is saved; the same command goes on from there.' if at else 'no step is saved yet.'


def _abstract_state(job: Trainable):
    return lambda step: job.at(step).abstract_state


def _end_of(phase: Trainable | None, checkpoints, progress: Progress) -> Trained | None:
    """The parameters at the end of a phase that is over; None, and a line, where they cannot be read any more."""
    if phase is None:
        return None
    step = phase.schedule.steps
    # A save that failed is the run's own failure.
    checkpoints.wait()
    try:
        restored = checkpoints.restore(phase.abstract_state, step=step)
    except checkpoint.CheckpointError as error:
        progress.note(f'Of the first {step} steps {phase.phase_name} cannot be scored: {error}')
        return None
    return Trained(restored.state.params, restored.state.frozen, step, _end_of(phase.before, checkpoints, progress))


def _first_state(job: Trainable, checkpoints, resume: str, progress: Progress) -> tuple[int, step.State, list[str]]:
    """(step, state) to start from, and the history of the run; it says which rule applied."""
    restored = None if resume == 'never' else checkpoints.restore(_abstract_state(job))
    if restored is None:
        if resume == 'must':
            raise checkpoint.CheckpointError(f'--resume=must: there is no checkpoint in {checkpoints.folder}.')
        progress.note(f'--resume={resume}: no checkpoint, starting at step 0.')
        return 0, job.phases[0].fresh_state(progress.note), []
    changed = _changes(job, restored, resume)
    if resume == 'anyway' and (lost := _log_damage(checkpoints.folder.parent, restored.notes)):
        changed.append(lost)
    changed += fingerprint.differences(restored.notes['fingerprint'], fingerprint.fingerprint())
    history = list(restored.notes.get('history', []))
    if changed:
        progress.note(f'--resume={resume}: from step {restored.step}, but not bit for bit: {"; ".join(changed)}.')
        history.append(f'from step {restored.step} on: {"; ".join(changed)}')
    else:
        progress.note(f'--resume={resume}: from step {restored.step}, bit for bit (same fingerprint).')
    return restored.step, restored.state, history


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
