"""The runs of benchmarks.faults: one command in a process, what it left, and what it would have left alone."""

import dataclasses
import hashlib
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import launch
from posbench import interrupts

SECONDS = 180
STEPS, SAVED = 40, 10
RUN = f"""
    --config=configs/rope.py --quiet --devices=1 --config.seeds=0,1 --config.dataset.tokenizer=bytes
    --config.model.width=16 --config.model.heads=2 --config.model.hidden=32 --config.model.layers=1
    --config.train.length=16 --config.train.batch_size=4 --config.train.steps={STEPS} --config.train.steps_per_call=5
    --config.train.checkpoint_every={SAVED} --config.train.evaluate_every={SAVED} --config.optimizer.warmup_steps=5
    --config.evaluate.tokens=512 --config.evaluate.batch_tokens=512 --config.evaluate.multiples=1
    --config.task.stride=8
""".split()
STUDY = '''"""Does a study survive? It asks nothing else."""

from posbench.runs.study import Run


def runs():
    return [Run('one', 'configs/rope.py', {overrides!r})]
'''


class Said(Exception):
    """The command ended with exit code 1 or 2 and this one line."""


class Misbehaved(Exception):
    """The command did what it must never do."""


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    def checked(self, *allowed: int) -> 'Ended':
        """Itself, if it ended in one of these ways, without a traceback, and in one line where it failed."""
        text = self.stdout + self.stderr
        if 'Traceback' in text or 'Exception ignored' in text:
            raise Misbehaved(f'a traceback:\n{text[-3000:]}')
        if self.code not in allowed:
            raise Misbehaved(f'exit code {self.code}, wanted one of {allowed}:\n{text[-2000:]}')
        if self.code and self.stderr.count('\n') != 1:
            raise Misbehaved(f'exit code {self.code} and {self.stderr.count(chr(10))} lines:\n{text[-2000:]}')
        return self


class Process:
    """A command under way: `python launch.py`, or, much sooner, a fork of this process that has imported all of it."""

    def __init__(self, arguments: list[str], *, cold: bool = False):
        self.files = [tempfile.TemporaryFile('w+') for _ in range(2)]  # noqa: SIM115
        self.code: int | None = None
        self.pid = self._spawn(arguments) if cold else self._fork(arguments)

    def _spawn(self, arguments: list[str]) -> int:
        command = [sys.executable, 'launch.py', *arguments]
        out, err = self.files
        # Kept, because Python waits for a process that nobody has a name for.
        self.spawned = subprocess.Popen(
            command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, start_new_session=True
        )
        return self.spawned.pid

    def _fork(self, arguments: list[str]) -> int:
        pid = os.fork()
        if pid:
            return pid
        os.setsid()
        for number, file in enumerate(self.files, start=1):
            os.dup2(file.fileno(), number)
        sys.stdout, sys.stderr = (open(number, 'w', closefd=False) for number in (1, 2))  # noqa: SIM115
        code = 70
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            interrupts.watch()
            code = launch.main(arguments)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def running(self) -> bool:
        """Whether it has not ended."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code is None

    def until(self, ready: Callable[[], bool]) -> bool:
        """Waits until something is so; whether it came to that before the command ended."""
        return self._wait(ready, SECONDS)

    def send(self, number: int) -> None:
        """A signal, as kill sends it."""
        if self.running():
            os.kill(self.pid, number)

    def caught(self, number: int) -> bool:
        """Whether it has a handler of its own."""
        try:
            status = Path(f'/proc/{self.pid}/status').read_text()
        except OSError:
            return False
        return bool(int(re.search(r'SigCgt:\s*(\w+)', status)[1], 16) >> (number - 1) & 1)

    def ended(self) -> Ended:
        """Waits for its end. Misbehaved where it does not come."""
        self._wait(lambda: False, SECONDS)
        if self.code is None:
            os.killpg(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            raise Misbehaved(f'it hung:\n{self._read(1)[-1500:]}')
        return Ended(self.code, self._read(0), self._read(1))

    def _wait(self, ready: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.running():
            if ready():
                return True
            time.sleep(0.003)
        return False

    def _read(self, which: int) -> str:
        self.files[which].seek(0)
        return self.files[which].read()


@dataclasses.dataclass(frozen=True)
class Base:
    """A finished run and one that was killed half-way, to be copied, and the outcome of the first and of a study."""

    scratch: Path
    alone: dict
    of_study: dict
    report: str
    seconds: float

    @classmethod
    def make(cls, scratch: Path) -> 'Base':
        """Runs all of it, and the first command twice: what differs then is no fault's."""
        study = [f'--config.dataset.data_dir={scratch / "data"}', *RUN[2:]]
        overrides = dict(text.removeprefix('--config.').split('=', 1) for text in study if text.startswith('--config.'))
        (scratch / 'study.py').write_text(STUDY.format(overrides=overrides))
        base = cls(scratch, {}, {}, '', 0.0)
        base.start(scratch / 'finished').ended().checked(0)
        begun = time.monotonic()
        base.start(scratch / 'again').ended().checked(0)
        seconds = time.monotonic() - begun
        half = base.start(scratch / 'half')
        half.until((scratch / 'half' / 'checkpoints' / f'{2 * SAVED:08d}').exists)
        half.send(signal.SIGKILL)
        half.ended()
        Process(base.study(scratch / 'study')).ended().checked(0)
        alone = outcome(scratch / 'finished')
        if alone != outcome(scratch / 'again') or not (scratch / 'half' / 'checkpoints').is_dir():
            raise RuntimeError('Two runs that were left alone differ, or none was killed half-way.')
        report = (scratch / 'finished' / 'report.md').read_text()
        print(f'Two runs that were left alone are equal; one takes {seconds:.1f} s.', flush=True)
        return cls(scratch, alone, outcome(scratch / 'study' / 'one'), report, seconds)

    def start(self, folder: Path, *more: str, cold: bool = False) -> Process:
        """The command of a run."""
        data = f'--config.dataset.data_dir={self.scratch / "data"}'
        return Process([*RUN, data, f'--workdir={folder}', *more], cold=cold)

    def study(self, folder: Path) -> list[str]:
        """The arguments of a study of the same run."""
        return [f'--experiment={self.scratch / "study.py"}', f'--workdir={folder}', '--devices=1']

    def copy(self, which: str, folder: Path) -> Path:
        """A copy of the finished or the half-done run."""
        return shutil.copytree(self.scratch / which, folder)

    def again(self, folder: Path) -> None:
        """The same command, on what is left. Said where it refuses, Misbehaved where it does neither of the two."""
        ended = self.start(folder).ended().checked(0, 1, 2)
        if ended.code:
            raise Said(ended.stderr.strip())
        same(self.alone, folder)

    def study_again(self, folder: Path) -> None:
        ended = Process(self.study(folder)).ended().checked(0)
        assert not ended.code
        same(self.of_study, folder / 'one')


def warm_up() -> None:
    """Imports what a command does."""
    import orbax.checkpoint  # noqa: F401
    import tensorboardX  # noqa: F401

    from posbench.atlas import picture  # noqa: F401
    from posbench.datasets import shipped  # noqa: F401
    from posbench.report import by_position, canvas, curves, page, pictures, terminal  # noqa: F401
    from posbench.runs import rows, run, samples, study  # noqa: F401
    from posbench.training import job, loop  # noqa: F401


def outcome(folder: Path) -> dict:
    """The numbers of a finished run: arrays by SHA-256, the metrics, and the rows without their seconds."""
    with tempfile.TemporaryFile() as file:
        pid = os.fork()
        if not pid:
            # jax starts threads, which no fork survives: only forks start jax.
            try:
                pickle.dump(_outcome(folder), file)
                file.flush()
                os._exit(0)
            except BaseException as error:
                pickle.dump(f'{type(error).__name__}: {error}', file)
                file.flush()
                os._exit(1)
        _, status = os.waitpid(pid, 0)
        file.seek(0)
        found = pickle.load(file)
    if status:
        raise Misbehaved(f'exit code 0, and what it left cannot be read: {found}')
    return found


def same(wanted: dict, folder: Path) -> None:
    """Misbehaved where a number is another."""
    found = outcome(folder)
    if different := [name for name in {**wanted, **found} if wanted.get(name) != found.get(name)]:
        raise Misbehaved(f'exit code 0, and other numbers: {", ".join(different[:5])}')


def _outcome(folder: Path) -> dict:
    from posbench.training import checkpoint

    step, arrays = checkpoint.read_arrays(folder / 'checkpoints')
    rows = [json.loads(line) for line in (folder / 'rows.jsonl').read_text().splitlines()]
    return {
        'the step of the last checkpoint': step,
        'metrics.jsonl': (folder / 'metrics.jsonl').read_bytes(),
        'rows.jsonl': [{key: value for key, value in row.items() if key != 'wall_seconds'} for row in rows],
        **{name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in arrays.items()},
    }
