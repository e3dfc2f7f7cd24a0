"""A run, stopped in every way there is, ends with the bits of one that was left alone; a bad one stops at once."""

import dataclasses
import functools
import hashlib
import json
import os
import random
import re
import signal

import jax
import numpy as np
import pytest

from posbench.runs import rows
from posbench.training import checkpoint, log, loop, step
from posbench.training.progress import Progress
from tests import real_command, small_job

CALL, STEPS = 5, 20


class Stop(Exception):
    """Stands for whatever ends a run from outside."""


class Notes(Progress):
    """Keeps what a person would see, and raises Stop at line number `stop`, bars included."""

    def __init__(self, stop: int | None = None):
        super().__init__(quiet=True)
        self.lines, self.stop, self.seen = [], stop, 0

    def note(self, line):
        self.lines.append(line)
        self._count()

    def update(self, *values):
        self._count()

    def start(self, *values):
        pass

    def _count(self):
        self.seen += 1
        if self.seen == self.stop:
            raise Stop


@functools.cache
def tiny(config='rope', **changes):
    every = dict(train__steps_per_call=CALL, train__evaluate_every=CALL, train__checkpoint_every=CALL)
    return small_job.build(config, **every, seeds=(0, 1), model__layers=1, **changes)


def run(folder, job=None, stop=None, resume='auto') -> list[str]:
    """Trains in `folder` until the end or until line number `stop`; gives the lines."""
    notes = Notes(stop)
    folder.mkdir(exist_ok=True)
    try:
        loop.run(job or tiny(), folder, resume, notes)
    except Stop:
        assert stop is not None
    return notes.lines


def outcome(folder, job=None) -> dict[str, object]:
    """SHA-256 of every leaf of the newest checkpoint, and the metrics."""
    job = job or tiny()
    with checkpoint.Checkpoints(folder / 'checkpoints', keep=3, log=lambda line: None) as checkpoints:
        restored = checkpoints.restore(lambda step: job.at(step).abstract_state)
    leaves = {
        jax.tree_util.keystr(path): hashlib.sha256(np.asarray(leaf).tobytes()).hexdigest()
        for path, leaf in jax.tree.leaves_with_path(restored.state)
    }
    return dict(leaves, step=restored.step, metrics=(folder / 'metrics.jsonl').read_text())


def restored(folder, job, at) -> step.State:
    """The state that was saved after so many steps."""
    with checkpoint.Checkpoints(folder / 'checkpoints', keep=3, log=lambda line: None) as checkpoints:
        return checkpoints.restore(job.at(at).abstract_state, step=at).state


@pytest.fixture(scope='module')
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp('runs') / 'uninterrupted'
    lines = run(folder)
    assert lines[0] == '--resume=auto: no checkpoint, starting at step 0.'
    found = outcome(folder)
    assert found['step'] == STEPS
    assert len(found['metrics'].splitlines()) == STEPS // CALL * 2 * (3 + 3)
    return found


@pytest.mark.parametrize('seed', [0, *(pytest.param(seed, marks=pytest.mark.everything) for seed in (1, 2))])
def test_a_run_stopped_anywhere_ends_with_the_same_bits(tmp_path, uninterrupted, seed):
    rng = random.Random(seed)
    # The first two lines come before and after the first call; a call has a line or two, its bar included.
    run(tmp_path, stop=rng.randint(2, 9))
    run(tmp_path, stop=rng.randint(1, 3))
    run(tmp_path)
    assert outcome(tmp_path) == uninterrupted


def test_the_log_says_where_the_time_went_and_a_trace_changes_no_bit(tmp_path, uninterrupted):
    notes = Notes()
    loop.run(tiny(), tmp_path, 'auto', notes, profiled=CALL + 1)
    assert outcome(tmp_path) == uninterrupted
    timed = [json.loads(line) for line in (tmp_path / 'timing.jsonl').read_text().splitlines()]
    assert [line['step'] for line in timed] == list(range(CALL, STEPS + 1, CALL))
    for number, line in enumerate(timed):
        # The checkpoint of a step is in the line behind it.
        there = {'data', 'compute', 'evaluation'} | ({'checkpoint'} if number else set())
        assert there <= line.keys() and all(line[part] > 0 for part in there)
        assert line['data'] + line['compute'] <= line['seconds']
    assert log.training_seconds(tmp_path) == pytest.approx(sum(line['seconds'] for line in timed))
    assert re.match(r'Training took [\d.]+ s: [\d.]+ s computing, ', notes.lines[-1])
    (said,) = (line for line in notes.lines if line.startswith('Profile'))
    assert said.startswith(f'Profile of steps {CALL + 1} to {3 * CALL}: tensorboard --logdir={tmp_path / "profile"}')
    kinds = {path.name.partition('.')[2] for path in (tmp_path / 'profile').rglob('*') if path.is_file()}
    assert {'xplane.pb', 'json.gz'} <= kinds


def test_lines_that_a_killed_run_wrote_after_its_checkpoint_are_dropped(tmp_path, uninterrupted):
    run(tmp_path, stop=6)
    with (tmp_path / 'metrics.jsonl').open('a') as file:
        file.write('{"step": 20, "split": "train", "name": "loss", "value": 0.0, "seed": 0}\n{"step": 5, "spl')
    run(tmp_path)
    assert outcome(tmp_path) == uninterrupted


def test_a_finished_run_trains_no_more(tmp_path, uninterrupted):
    run(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*')}
    assert run(tmp_path, resume='must') == ['--resume=must: from step 20, bit for bit (same fingerprint).']
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*')}


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before_and_ends_with_the_same_bits(tmp_path, uninterrupted):
    run(tmp_path, stop=9)
    newest = max(path for path in (tmp_path / 'checkpoints').iterdir() if path.name.isdecimal())
    largest = max((path for path in newest.rglob('*') if path.is_file()), key=lambda path: path.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 2] ^= 1
    largest.write_bytes(data)
    lines = run(tmp_path)
    assert lines[0].startswith(f'Rejected step {int(newest.name)}')
    assert lines[1] == f'--resume=auto: from step {int(newest.name) - CALL}, bit for bit (same fingerprint).'
    assert outcome(tmp_path) == uninterrupted


def cut_in_the_middle(path):
    """As a copy that was broken off leaves it."""
    os.truncate(path, path.stat().st_size // 3)


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)


def test_a_log_that_was_cut_is_written_again_from_the_step_up_to_which_it_is_whole(tmp_path, uninterrupted):
    run(tmp_path, stop=9)
    newest = max(int(path.name) for path in (tmp_path / 'checkpoints').glob('[0-9]*'))
    lines = (tmp_path / 'metrics.jsonl').read_text().splitlines(keepends=True)
    whole = [line for line in lines if json.loads(line)['step'] <= newest]
    (tmp_path / 'metrics.jsonl').write_text(''.join(whole[:-1]))
    said = run(tmp_path)
    assert re.fullmatch(
        rf'Rejected step {newest}: metrics.jsonl, which only --resume=anyway does without, has \d+ bytes, not \d+',
        said[0],
    )
    assert said[1] == f'--resume=auto: from step {newest - CALL}, bit for bit (same fingerprint).'
    assert outcome(tmp_path) == uninterrupted


@pytest.mark.parametrize('name', ['metrics.jsonl', 'timing.jsonl'])
@pytest.mark.parametrize('damage', [cut_in_the_middle, flip_a_bit, os.remove])
def test_a_log_that_no_checkpoint_goes_with_is_an_error_and_stays_as_it_is(tmp_path, name, damage):
    run(tmp_path, stop=5)
    damage(tmp_path / name)
    before = {path: path.read_bytes() for path in tmp_path.rglob('*') if path.is_file()}
    with pytest.raises(
        checkpoint.CheckpointError,
        match=rf'^No checkpoint in .* step 5: {name}, which only --resume=anyway does without',
    ):
        run(tmp_path)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob('*') if path.is_file()}


def test_resume_must_wants_a_checkpoint(tmp_path):
    with pytest.raises(checkpoint.CheckpointError, match=r'^--resume=must: there is no checkpoint in \S+$'):
        run(tmp_path, resume='must')


def test_resume_never_starts_at_step_0(tmp_path):
    assert run(tmp_path, resume='never', stop=1) == ['--resume=never: no checkpoint, starting at step 0.']


def test_another_fingerprint_is_said(tmp_path, monkeypatch):
    run(tmp_path, stop=6)
    true = loop.fingerprint.fingerprint()
    monkeypatch.setattr(loop.fingerprint, 'fingerprint', lambda: true | dict(cores=97))
    line = run(tmp_path, stop=1)[0]
    assert re.fullmatch(r'--resume=auto: from step \d+, but not bit for bit: cores: \d+ -> 97\.', line)


def from_elsewhere(job=None, **origin):
    """A job whose numbers come from something else."""
    job = job or tiny()
    return dataclasses.replace(job, origin=job.origin | origin)


OTHERS = {
    'config': (lambda: tiny(optimizer__learning_rate=1e-3), 'config.optimizer.learning_rate is 0.003 there and 0.001'),
    'data': (lambda: from_elsewhere(data='f' * 64), 'the data (SHA-256  there and ffffffffffffffff here)'),
    'tokenizer': (lambda: from_elsewhere(tokenizer='e' * 16), 'there and eeeeeeeeeeeeeeee here)'),
}


@pytest.mark.parametrize('what', OTHERS)
def test_a_run_of_another_config_or_other_data_is_refused_unless_it_is_asked_for(tmp_path, what):
    run(tmp_path, stop=6)
    other, line = OTHERS[what][0](), OTHERS[what][1]
    for refused in (lambda: run(tmp_path, other), lambda: loop.restore(other, tmp_path, Notes())):
        with pytest.raises(loop.AnotherRun, match=r'is of another run: .*; choose another --workdir') as error:
            refused()
        assert line in str(error.value)
    first, *_ = run(tmp_path, other, resume='anyway')
    assert first.startswith('--resume=anyway: from step 5, but not bit for bit: ') and line in first
    # Whoever goes on from there, or looks, is told.
    assert [line in one for one in loop.restore(other, tmp_path, Notes()).history] == [True]
    assert run(tmp_path, other) == [f'--resume=auto: from step {STEPS}, bit for bit (same fingerprint).']


def test_more_steps_and_other_lengths_to_score_are_the_same_run(tmp_path):
    run(tmp_path, stop=6)
    longer = tiny(optimizer__schedule='cosine', train__steps=STEPS + CALL, evaluate__multiples=(1, 4))
    assert run(tmp_path, longer, stop=1) == ['--resume=auto: from step 5, bit for bit (same fingerprint).']


def test_other_code_is_said_and_kept_in_the_history(tmp_path):
    run(tmp_path, stop=6)
    sources = tiny().origin['sources'] | {'posbench/encodings/rotary.py': 'x', 'config.encoding.module': 'y'}
    lines = run(tmp_path, from_elsewhere(sources=sources))
    changed = 'config.encoding.module is new; posbench/encodings/rotary.py changed'
    assert lines[0] == f'--resume=auto: from step 5, but not bit for bit: {changed}.'
    found = loop.restore(from_elsewhere(sources=sources), tmp_path, Notes())
    assert found.history == [f'from step 5 on: {changed}'] and found.origin['sources'] == sources


def test_a_loss_that_is_no_number_stops_within_one_call_and_keeps_the_checkpoint_before_it(tmp_path, uninterrupted):
    run(tmp_path, stop=6)
    before = outcome(tmp_path)
    steep = tiny(optimizer__learning_rate=3e38)
    with pytest.raises(loop.NotANumber, match=r'of seed [01] is (nan|inf) at step (\d+); the last') as error:
        run(tmp_path, steep, resume='anyway')
    number = int(re.search(r'at step (\d+)', str(error.value))[1])
    assert before['step'] < number <= before['step'] + CALL
    assert outcome(tmp_path) | dict(metrics='') == before | dict(metrics='')
    run(tmp_path)
    assert outcome(tmp_path) == uninterrupted


def test_training_in_a_program_of_ones_own_leaves_its_signals_alone(tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    run(tmp_path, stop=2)
    assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


@functools.cache
def reversal():
    """What is decoded is validated."""
    every = dict(train__steps_per_call=CALL, train__evaluate_every=10, train__checkpoint_every=CALL)
    return small_job.build('tasks.reverse', **every, model__layers=1, train__length=4, evaluate__tokens=40)


@pytest.mark.parametrize('stops', [(4, 2), pytest.param((5,), marks=pytest.mark.everything)])
def test_an_encoder_decoder_stopped_anywhere_ends_with_the_same_bits(tmp_path, stops):
    job = reversal()
    run(tmp_path / 'alone', job)
    for stop in stops:
        run(tmp_path / 'stopped', job, stop=stop)
    assert run(tmp_path / 'stopped', job)[0].startswith('--resume=auto: from step ')
    assert outcome(tmp_path / 'stopped', job) == outcome(tmp_path / 'alone', job)


def test_a_run_that_goes_on_longer_is_one_of_that_many_steps_where_its_schedule_is_constant(tmp_path):
    short, long = (tiny(train__steps=steps, optimizer__schedule='constant') for steps in (20, 40))
    run(tmp_path / 'raised', short)
    assert run(tmp_path / 'raised', long)[0] == '--resume=auto: from step 20, bit for bit (same fingerprint).'
    run(tmp_path / 'at_once', long)
    assert outcome(tmp_path / 'raised', long) == outcome(tmp_path / 'at_once', long)
    assert outcome(tmp_path / 'raised', long)['step'] == 40


def test_training_is_compiled_once_and_evaluation_once_for_each_length(tmp_path, caplog):
    job = tiny(model__hidden=24)  # No other test has compiled this one.
    notes = Notes()
    with jax.log_compiles(), caplog.at_level('WARNING'):
        trained = loop.run(job, tmp_path, 'auto', notes)
        rows.score(job, trained, tmp_path, notes)
    compiled = re.findall(r'Finished XLA compilation of jit\((\w+)\)', caplog.text)
    assert compiled.count('program') == 1
    scored = [json.loads(line) for line in (tmp_path / 'rows.jsonl').read_text().splitlines()]
    lengths = {row['length'] for row in scored if row['metric'] == 'sliding/loss'}
    assert sorted(lengths) == [16, 17, 32]
    # Both protocols of a length have batches of one shape, and the validations that of the training length.
    assert compiled.count('_sums') == len(lengths)


@pytest.fixture(scope='module')
def flags(tmp_path_factory):
    return real_command.write_text(tmp_path_factory.mktemp('text'))


def test_an_encoder_decoder_killed_and_then_terminated_ends_with_the_same_files(tmp_path):
    """SIGKILL leaves the checkpoint before it, and so does Ctrl-C while the compiler is at work; SIGTERM saves a new
    one; and the same command goes on from each.
    """
    flags = ['--config=configs/tasks/reverse.py', *real_command.REVERSE]
    # Where compiled programs are kept.
    home = dict(HOME=str(tmp_path))

    def stopped(when, how, said):
        process = real_command.start(*flags, f'--workdir={tmp_path}/stopped', **home)
        seen = ''
        while not when(seen):
            seen += process.stderr.readline()
            assert process.poll() is None, seen
        process.send_signal(how)
        stdout, rest = process.communicate(timeout=60)
        assert (process.returncode, stdout) == (said, '')
        return seen + rest

    assert real_command.launch(*flags, f'--workdir={tmp_path}/alone', '--quiet', **home).returncode == 0
    checkpoints = tmp_path / 'stopped' / 'checkpoints'
    stopped(lambda _: list(checkpoints.glob('[0-9]*/manifest.json')), signal.SIGKILL, -signal.SIGKILL)
    assert not (tmp_path / 'stopped' / 'rows.jsonl').exists()
    stderr = stopped(lambda seen: '--resume=auto: from step' in seen, signal.SIGINT, 130)
    step = re.search(r'--resume=auto: from step (\d+), bit for bit \(same fingerprint\)\.', stderr)[1]
    assert stderr.splitlines()[-1] in (
        f'launch.py: SIGINT: step {step} is saved; the same command goes on from there.',
        'launch.py: SIGINT: nothing was changed; the same command starts again.',
    )
    stderr = stopped(lambda seen: 'First 5 steps done' in seen, signal.SIGTERM, 143)
    step = re.search(r'launch\.py: SIGTERM: saved step (\d+); the same command goes on from there\.\n$', stderr)[1]
    done = real_command.launch(*flags, f'--workdir={tmp_path}/stopped', **home)
    assert f'--resume=auto: from step {step}, bit for bit (same fingerprint).' in done.stderr
    assert files(tmp_path / 'stopped') == files(tmp_path / 'alone')


def files(folder) -> dict[str, object]:
    rows = [json.loads(line) | dict(wall_seconds=None) for line in (folder / 'rows.jsonl').read_text().splitlines()]
    return dict(rows=rows, metrics=(folder / 'metrics.jsonl').read_text())


def test_a_loss_that_is_no_number_is_exit_code_1_and_one_line(tmp_path, flags):
    short = ['--config=configs/learned.py', '--config.encoding.init_std=3e38', '--quiet']
    done = real_command.launch(*flags, *short, f'--workdir={tmp_path}')
    assert (done.returncode, done.stdout) == (1, '')
    assert done.stderr == 'launch.py: loss of seed 0 is nan at step 1; the last checkpoint before it is kept.\n'
