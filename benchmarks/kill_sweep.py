"""Kills workers and drivers of a sweep at random moments, and compares what is left with a sweep that was left alone.

    python -m benchmarks.kill_sweep --runs=200 --jobs=2 --seed=0          # an hour on two idle cores
    python -m benchmarks.kill_sweep --runs=6 --jobs=2

Tiny runs of flip-flop with four encodings, each with a seed of its own. The sweep is run twice by the real command. In
the second one a fifth of the runs, drawn at random, get SIGKILL at a random moment of their work, and the driver gets
it twice, at a random third and two thirds of the way; the same command starts it again. Then each run must have been
completed exactly once (its rows.jsonl was written once, by watching its inode), and these have to be the same in both
sweeps: rows.jsonl but for wall_seconds, study.json, and report.md but for its wall time. The code is copied first, so
that edits meanwhile change nothing. Exit code 0 if all that is so, else 1.
"""

import argparse
import collections
import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXPERIMENT = '''"""Is a sweep whose processes are killed the sweep that it would have been?"""

from posbench.runs import grids

TINY = {{
    'model.layers': '1', 'model.width': '16', 'model.heads': '2', 'model.hidden': '32',
    'train.length': '8', 'train.batch_size': '4', 'train.steps': '60', 'train.steps_per_call': '10',
    'train.evaluate_every': '30', 'train.checkpoint_every': '10', 'optimizer.warmup_steps': '5',
    'evaluate.tokens': '256', 'evaluate.batch_tokens': '256', 'evaluate.multiples': '1,2',
}}
NAMES = ('none', 'rotary', 'alibi', 'sinusoidal')


def runs():
    seeds = grids.choice('seed', {{str(number): {{'seeds': str(number)}} for number in range({runs})}})
    encodings = grids.choice('encoding', {{str(n): {{'encoding.name': NAMES[n % len(NAMES)]}} for n in range({runs})}})
    cells = grids.zipped(seeds, encodings)
    return grids.runs(cells, 'configs/tasks/flip_flop.py', TINY, name=lambda cell: f'run_{{cell.levels["seed"]}}')
'''


class Sweep:
    """One sweep in a folder, by the real command on a copy of the code."""

    def __init__(self, scratch: Path, name: str, flags: list[str], environment: dict[str, str] | None = None):
        self.scratch, self.folder = scratch, scratch / name
        self.command = [sys.executable, 'launch.py', f'--experiment={scratch / "sweep.py"}']
        self.command += [f'--workdir={self.folder}', *flags]
        self._environment = {**os.environ, **(environment or {})}
        self.log = scratch / f'{name}.txt'
        self.written: dict[str, set[int]] = collections.defaultdict(set)

    def ended(self, code: int) -> str:
        """The exit code in words, with what the driver said last where it is no good one."""
        said = self.log.read_text('utf-8').splitlines()[-1:] if code else []
        return ': '.join([f'exit code {code}', *said])

    def start(self) -> subprocess.Popen:
        """The driver."""
        with self.log.open('ab') as log:
            return subprocess.Popen(
                self.command, cwd=self.scratch / 'code', env=self._environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log,
            )  # fmt: skip

    def look(self) -> int:
        """Notes which files of rows there are; gives how many runs have some."""
        for path in self.folder.glob('*/rows.jsonl'):
            with contextlib.suppress(FileNotFoundError):
                self.written[path.parent.name].add(path.stat().st_ino)
        return len(self.written)

    def worker(self, run: str) -> int | None:
        """The process that is at work in the folder of a run and has not written its rows; None where there is none."""
        folder = self.folder / run
        try:
            pid = int((folder / '.lock').read_text())
            command = Path(f'/proc/{pid}/cmdline').read_bytes().split(b'\0')
        except (OSError, ValueError):
            return None
        is_its = any(part.startswith(b'--workdir=') and part.endswith(f'/{run}'.encode()) for part in command)
        return pid if is_its and not (folder / 'rows.jsonl').exists() else None

    def outcome(self, names: list[str]) -> dict[str, object]:
        """All that two sweeps have to have in common."""
        rows = {}
        for name in names:
            with contextlib.suppress(OSError):
                lines = (self.folder / name / 'rows.jsonl').read_text('utf-8').splitlines()
                rows[name] = [{**json.loads(line), 'wall_seconds': None} for line in lines]
        report, study = (
            path.read_text('utf-8') if path.exists() else None
            for path in (self.folder / 'report.md', self.folder / 'study.json')
        )
        return dict(
            rows=rows,
            study=study,
            # The title of a report is the study's; what it took, and the command with its folder, are its own.
            report=report and [line for line in report.splitlines() if not re.match(r'\| (wall time|command)', line)],
        )


def prepare(scratch: Path, runs: int) -> None:
    """A copy of the code, and the experiment."""
    for name in ('posbench', 'configs'):
        there = scratch / 'code' / name
        shutil.copytree(ROOT / name, there, ignore=shutil.ignore_patterns('__pycache__'), dirs_exist_ok=True)
    shutil.copy(ROOT / 'launch.py', scratch / 'code')
    (scratch / 'sweep.py').write_text(EXPERIMENT.format(runs=runs))


def compare(calm: Sweep, other: Sweep, names: list[str]) -> bool:
    """Whether each run of the other sweep was completed once, with the results of the calm one; says so."""
    once = sum(len(other.written[name]) == 1 for name in names)
    print(f'{once} of {len(names)} runs were completed exactly once.')
    here, there = calm.outcome(names), other.outcome(names)
    different = [key for key in here if here[key] != there[key]]
    print(f'Not the same: {", ".join(different)}.' if different else 'Rows, study.json and report.md are the same.')
    lines = set(here['report'] or ()) ^ set(there['report'] or ()) if 'report' in different else ()
    for line in sorted(lines)[:10]:
        print(f'  {line}')
    return once == len(names) and not different


def disturbed(sweep: Sweep, names: list[str], seconds: float, rng: random.Random) -> tuple[int, int]:
    """Runs a sweep to its end and kills meanwhile: (workers, drivers) that were killed.

    `seconds` are those of one run. A run that ends before its moment has come is left alone, and another one drawn.
    """
    order = rng.sample(names, len(names))
    wanted = max(1, round(0.2 * len(names)))
    victims, spare = set(order[:wanted]), order[wanted:]
    thirds = [rng.randint(0, len(names) // 3), rng.randint(len(names) // 3 + 1, max(2 * len(names) // 3, 2))]
    moments: dict[str, float] = {}
    workers = drivers = 0
    driver = sweep.start()
    while driver.poll() is None:
        done, now = sweep.look(), time.monotonic()
        if drivers < 2 and done >= thirds[drivers] and any(map(sweep.worker, names)):
            time.sleep(rng.uniform(0, seconds))
            driver.kill()
            driver.wait()
            drivers += 1
            print(f'{done} of {len(names)} done: the driver was killed', flush=True)
            driver = sweep.start()
        for run in sorted(victims):
            pid = sweep.worker(run)
            if pid is not None and now >= moments.setdefault(run, now + rng.uniform(0, seconds)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    workers += 1
                    victims.remove(run)
                    print(f'{done} of {len(names)} done: {run} was killed', flush=True)
            elif run in sweep.written:
                victims.remove(run)
                waiting = [name for name in spare if name not in sweep.written and sweep.worker(name) is None]
                if waiting:
                    spare.remove(waiting[0])
                    victims.add(waiting[0])
        time.sleep(0.05)
    sweep.look()
    if driver.returncode:
        print(f'The last driver: {sweep.ended(driver.returncode)}.')
    return workers, drivers


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--runs', type=int, default=200)
    parser.add_argument('--jobs', type=int, default=2)
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args(argv)
    rng, names = random.Random(options.seed), [f'run_{number}' for number in range(options.runs)]
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        prepare(scratch, options.runs)
        calm, killed = (Sweep(scratch, name, [f'--jobs={options.jobs}']) for name in ('calm', 'killed'))
        begun = time.monotonic()
        code = calm.start().wait()
        calm.look()
        took = time.monotonic() - begun
        ended = calm.ended(code)
        print(f'A sweep of {options.runs} runs, {options.jobs} at a time: {took:.0f} s, {ended}.', flush=True)
        begun = time.monotonic()
        workers, drivers = disturbed(killed, names, took * options.jobs / options.runs, rng)
        print(f'The disturbed one: {time.monotonic() - begun:.0f} s; {workers} workers and {drivers} drivers killed.')
        return 0 if compare(calm, killed, names) and not code else 1


if __name__ == '__main__':
    sys.exit(main())
