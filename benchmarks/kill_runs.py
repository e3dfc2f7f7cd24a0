"""Kills real runs at random moments, starts them again, and compares them with a run that was left alone.

    python -m benchmarks.kill_runs --kills=50 --seed=0                         # 15 s a kill on two cores
    python -m benchmarks.kill_runs --kills=50 --config=configs/drope.py        # two phases in one run

Every trial is one small run by the real command in a fresh folder. The whole process group gets SIGKILL, at a moment
drawn uniformly from the time an unkilled run takes, or just after a file has appeared, because saves and evaluations
are short. Every fifth trial is killed three times in a row. The same command then finishes the run, and these have to
be the same: every leaf of the last checkpoint (SHA-256), metrics.jsonl, encoding.json, rows.jsonl but for
wall_seconds, and the steps in timing.jsonl. The code is copied first, so that edits meanwhile change nothing.
Exit code 0 if all trials are equal, else 1.
"""

import argparse
import collections
import contextlib
import functools
import hashlib
import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from posbench.devices import host
from posbench.knobs import command_line

ROOT = Path(__file__).parents[1]
STEPS, SAVED = 300, range(50, 301, 50)
RUN = f"""
    --quiet --config.seeds=0,1 --config.dataset.tokenizer=bytes
    --config.model.width=16 --config.model.heads=2 --config.model.hidden=32 --config.model.layers=1
    --config.train.length=16 --config.train.batch_size=4 --config.train.steps={STEPS} --config.train.steps_per_call=5
    --config.train.checkpoint_every={SAVED.step} --config.train.evaluate_every={SAVED.step}
    --config.optimizer.warmup_steps=5 --config.evaluate.tokens=512 --config.task.stride=8
    --config.evaluate.batch_tokens=512
""".split()
# What a trial waits for before it kills: most of a run's time is none of the three in the middle.
AIMS = ('any time', 'a save', 'training', 'any time', 'evaluation')
AIMS += ('any time', 'a save', 'any time', 'report', 'training')
PARTIAL = 'partial-'  # as posbench/training/checkpoint.py calls them
THREE = ('training', 'a save', 'any time')
KINDS = (
    'start-up',
    'training before the first checkpoint',
    'training',
    'saving a checkpoint',
    'deleting an old checkpoint',
    'evaluation',
    'report',
)


class TooLate(Exception):
    """The run ended before it could be killed."""


class Runs:
    """Runs of one copy of the code with one cache, each in a folder of its own."""

    def __init__(self, scratch: Path, config: str):
        self.code, self.scratch = scratch / 'code', scratch
        ignore = shutil.ignore_patterns('__pycache__')
        for name in ('posbench', 'configs'):
            shutil.copytree(ROOT / name, self.code / name, ignore=ignore)
        shutil.copy(ROOT / 'launch.py', self.code)
        self.arguments = [f'--config={config}', *RUN, f'--config.dataset.data_dir={scratch / "data"}']
        self.environment = dict(os.environ)

    def start(self, folder: Path) -> subprocess.Popen:
        """The real command, leader of a process group of its own."""
        return subprocess.Popen(
            [sys.executable, 'launch.py', *self.arguments, f'--workdir={folder}'],
            cwd=self.code,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=(self.scratch / 'stderr.txt').open('w'),
            start_new_session=True,
        )

    def finish(self, folder: Path) -> float:
        """Runs the command to its end; gives its seconds."""
        begun = time.perf_counter()
        code = self.start(folder).wait()
        if code:
            raise RuntimeError(f'exit code {code}: {(self.scratch / "stderr.txt").read_text()[-2000:]}')
        return time.perf_counter() - begun

    @functools.cached_property
    def job(self):
        """What the config stands for, on as many devices as the runs have."""
        host.prepare()
        from posbench.training import job

        request = command_line.parse(self.arguments)
        return job.from_config(request.config, request.config_name)

    def outcome(self, folder: Path) -> dict[str, object]:
        """All that a finished run has to have in common with every other one."""
        host.prepare()
        import jax
        import numpy as np

        from posbench.training.checkpoint import Checkpoints

        with Checkpoints(folder / 'checkpoints', keep=1, log=lambda line: None) as checkpoints:
            restored = checkpoints.restore(self.job.abstract_state)
        leaves = {
            jax.tree_util.keystr(path): hashlib.sha256(np.asarray(leaf).tobytes()).hexdigest()
            for path, leaf in jax.tree.leaves_with_path(restored.state)
        }
        rows = [json.loads(line) for line in (folder / 'rows.jsonl').read_text().splitlines()]
        timing = [json.loads(line) for line in (folder / 'timing.jsonl').read_text().splitlines()]
        names = ('config.json', 'metrics.jsonl', 'encoding.json')
        return dict(
            step=restored.step,
            **leaves,
            rows=[{key: value for key, value in row.items() if key != 'wall_seconds'} for row in rows],
            timing=[line['step'] for line in timing],
            report=[(folder / name).exists() for name in ('report.html', 'report.md')],
            **{name: (folder / name).read_bytes() if (folder / name).exists() else None for name in names},
        )


def steps_in(folder: Path) -> tuple[list[int], list[int]]:
    """Steps of finished and of unfinished checkpoints."""
    names = [path.name for path in folder.glob('checkpoints/*')]
    partial = [name.removeprefix(PARTIAL) for name in names if name.startswith(PARTIAL)]
    return tuple(sorted(map(int, filter(str.isdecimal, some))) for some in (names, partial))


def kind_of(folder: Path) -> str:
    """What was going on when the run was killed, by the files it left."""
    finished, unfinished = steps_in(folder)
    newest = max(finished, default=0)
    if (folder / 'rows.jsonl').exists():
        return 'report'
    if any(step > newest for step in unfinished):
        return 'saving a checkpoint'
    if unfinished:
        return 'deleting an old checkpoint'
    if newest == STEPS:
        return 'evaluation'
    if finished:
        return 'training'
    # The trainer opens its log when the state is there and compiles next.
    return 'training before the first checkpoint' if (folder / 'metrics.jsonl').exists() else 'start-up'


def kill(process: subprocess.Popen, folder: Path, aim: str, seconds: float, rng: random.Random) -> str:
    """Kills at a random moment near what `aim` says; gives the kind. TooLate if the run has ended by then."""
    finished, _ = steps_in(folder)
    left = [step for step in SAVED if step > max(finished, default=0)] or [STEPS]
    number = rng.choice(left[:-1] if aim == 'training' and left[1:] else left)
    checkpoints = folder / 'checkpoints'
    # (the file to wait for, at most so many seconds more)
    file, more = {
        'any time': (folder.parent, seconds),
        'a save': (checkpoints / f'{PARTIAL}{number:08d}', 0.03),
        'training': (checkpoints / f'{number:08d}', 0.1),
        'evaluation': (checkpoints / f'{STEPS:08d}', 0.15 * seconds),
        'report': (folder / 'rows.jsonl', 0.15 * seconds),
    }[aim]
    _wait(process, file.exists, poll=0.002)
    moment = time.perf_counter() + rng.uniform(0, more)
    _wait(process, lambda: time.perf_counter() >= moment, poll=0.001)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.wait() != -signal.SIGKILL:
        raise TooLate
    return kind_of(folder)


def _wait(process: subprocess.Popen, ready: Callable[[], bool], poll: float) -> None:
    while not ready():
        if process.poll() is not None:
            raise TooLate
        time.sleep(poll)


def trial(runs: Runs, number: int, seconds: float, rng: random.Random) -> tuple[Path, list[str]]:
    """A run that was killed and finished: its folder and the kinds of its kills, drawn again until none is too late."""
    for attempt in range(20):
        folder, kinds = runs.scratch / f'trial_{number}_{attempt}', []
        aims = THREE if number % 5 == 4 else [AIMS[number % len(AIMS)]]
        with contextlib.suppress(TooLate):
            for aim in aims:
                kinds.append(kill(runs.start(folder), folder, aim, seconds, rng))
            runs.finish(folder)
            return folder, kinds
        shutil.rmtree(folder)
    raise RuntimeError('20 runs ended before they could be killed')


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--kills', type=int, default=50, help='trials')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--config', default='configs/rope.py', help='whose run is killed')
    options = parser.parse_args(argv)
    logging.getLogger('absl').setLevel(logging.ERROR)

    rng = random.Random(options.seed)
    drawn, good = collections.Counter(), collections.Counter()
    equal = 0
    with tempfile.TemporaryDirectory() as scratch:
        runs = Runs(Path(scratch), options.config)
        runs.finish(Path(scratch, 'reference'))
        seconds = runs.finish(Path(scratch, 'again'))
        reference = runs.outcome(Path(scratch, 'reference'))
        if different := _different(reference, runs.outcome(Path(scratch, 'again'))):
            print(f'Two unkilled runs differ in {different}.')
            return 1
        print(f'Two unkilled runs are equal; one takes {seconds:.1f} s.', flush=True)
        for number in range(options.kills):
            folder, kinds = trial(runs, number, seconds, rng)
            different = _different(reference, runs.outcome(folder))
            verdict = f'differs in {different}' if different else 'equal'
            print(f'{number + 1:3}  {", ".join(kinds)}: {verdict}', flush=True)
            equal += not different
            drawn.update(kinds)
            good.update(() if different else kinds)
            shutil.rmtree(folder)

    print(f'\n{"killed during":38}{"kills":>6}{"equal":>7}')
    for kind in KINDS:
        print(f'{kind:38}{drawn[kind]:6}{good[kind]:7}')
    print(f'{equal} of {options.kills} runs equal an unkilled one, bit for bit')
    return 0 if equal == options.kills else 1


def _different(a: dict, b: dict) -> str:
    return ', '.join(key for key in {**a, **b} if a.get(key) != b.get(key))


if __name__ == '__main__':
    sys.exit(main())
