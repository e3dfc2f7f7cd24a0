"""Lets things go wrong under real, tiny runs, and asks that no number changes without a word.

    python -m benchmarks.faults --trials=500 --seed=0 --jobs=2          # an hour on two cores

A trial is one fault: a disk that fills up, a signal, a second process, a folder that cannot be written, or a file of
the run that is removed, truncated, or has one bit flipped. Then the same command is given again, on a disk with room.
It has to end within three minutes, without a traceback, in one of two ways: with the numbers of the run that was left
alone (every array of the last checkpoint by SHA-256, metrics.jsonl, and rows.jsonl but for wall_seconds), or with exit
code 1 or 2 and one line that says what is wrong. `--report` on a damaged folder says what was damaged, or writes what
it wrote before. Prints a table of kinds and outcomes; exit code 0 if all trials behave, else 1.

Small disks are tmpfs mounts in a name space of their own, which wants root or user name spaces; without, those trials
are left out, which is said. The code is copied first, so that edits meanwhile change nothing.
"""

import argparse
import collections
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from benchmarks import fault_kinds, fault_runs

ROOT = Path(__file__).parents[1]
OUTCOMES = ('equal', 'said', 'misbehaved')


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--trials', type=int, default=500)
    parser.add_argument('--seed', type=int, default=0, help='of what is drawn; a trial depends on it and its number')
    parser.add_argument('--jobs', type=int, default=2, help='trials at the same time')
    parser.add_argument('--kind', help='only trials whose kind has this in its name')
    parser.add_argument('--scratch', type=Path, help=argparse.SUPPRESS)  # Given by this program to its copy.
    options = parser.parse_args(argv)
    if options.kind is not None and not fault_kinds.order(options.kind):
        parser.error(f'--kind: got {options.kind!r}, wanted one of {", ".join(fault_kinds.KINDS)}')
    if options.scratch is None:
        return _in_a_copy(sys.argv[1:] if argv is None else argv)
    return 0 if _table(_trials(options)) else 1


def _in_a_copy(argv: list[str]) -> int:
    """Runs this program from a copy of the code, in a name space where it may mount disks if there is one."""
    with tempfile.TemporaryDirectory() as scratch:
        code = Path(scratch, 'code')
        for name in ('posbench', 'configs', 'benchmarks'):
            shutil.copytree(ROOT / name, code / name, ignore=shutil.ignore_patterns('__pycache__'))
        shutil.copy(ROOT / 'launch.py', code)
        command = [sys.executable, '-m', 'benchmarks.faults', *argv, f'--scratch={scratch}']
        return subprocess.run([*_name_space(), *command], cwd=code).returncode


def _name_space() -> list[str]:
    for prefix in (['unshare', '--mount'], ['unshare', '--mount', '--map-root-user']):
        try:
            if subprocess.run([*prefix, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], capture_output=True).returncode == 0:
                return prefix
        except OSError:
            break
    print('No disk can be mounted here: trials on small and on read-only disks are left out.', flush=True)
    return ['env', fault_kinds.NO_DISKS + '=1']


def _trials(options) -> list[tuple[str, str]]:
    """(kind, outcome) of every trial."""
    # A shell may have started this in the background, where Ctrl-C is ignored; what is started here is to hear it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Imported once, for all processes that are forked from this one; none of it starts a thread or a device.
    fault_runs.warm_up()
    base = fault_runs.Base.make(options.scratch)
    kinds = fault_kinds.order(options.kind or '')
    jobs = [(base, kinds[number % len(kinds)], number, options.seed) for number in range(options.trials)]
    found = []
    with multiprocessing.get_context('fork').Pool(options.jobs) as pool:
        for kind, number, outcome, why in pool.imap_unordered(_trial, jobs):
            print(f'{len(found) + 1:4}  {number:4} {kind}: {outcome}{": " + why if why else ""}', flush=True)
            found.append((kind, outcome))
    return found


def _trial(job) -> tuple[str, int, str, str]:
    base, kind, number, seed = job
    rng = random.Random(f'{seed}, {number}')
    folder = base.scratch / f'trial_{number}'
    folder.mkdir()
    try:
        outcome, why = 'equal', fault_kinds.KINDS[kind](base, folder, rng) or ''
    except fault_runs.Said as said:
        outcome, why = 'said', str(said)
    except fault_runs.Misbehaved as error:
        outcome, why = 'misbehaved', str(error)
    except Exception:
        outcome, why = 'misbehaved', traceback.format_exc()
    fault_kinds.unmount_below(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return kind, number, outcome, why.replace(str(folder), 'DIR')


def _table(found: list[tuple[str, str]]) -> bool:
    counted = collections.Counter(found)
    print(f'\n| fault | trials | {" | ".join(OUTCOMES)} |\n|---|---:|---:|---:|---:|')
    for kind in dict.fromkeys(kind for kind, _ in sorted(found)):
        counts = [counted[kind, outcome] for outcome in OUTCOMES]
        print(f'| {kind} | {sum(counts)} | {" | ".join(map(str, counts))} |')
    bad = sum(outcome == 'misbehaved' for _, outcome in found)
    print(f'\n{len(found) - bad} of {len(found)} faults changed no number, or were said in one line.')
    return not bad


if __name__ == '__main__':
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
    sys.exit(main())
