"""The kinds of faults of benchmarks.faults. Each is given a folder and a generator, and raises what it finds."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.fault_runs import SAVED, STEPS, Base, Ended, Misbehaved, Process, Said, same

NO_DISKS = 'POSBENCH_FAULTS_NO_DISKS'
# Three of each for one of the others: they are many files, and soon done.
OFTEN = 3


def disk_full_at_the_start(base: Base, folder: Path, rng: random.Random) -> None:
    disk = mount(folder, 4096)
    fill(disk, spare=4 * rng.randrange(0, 12))
    base.start(disk / 'run').ended().checked(1, 2)
    (disk / 'filler').unlink()
    base.again(disk / 'run')


def disk_full_in_a_save(base: Base, folder: Path, rng: random.Random) -> None:
    """Or in whatever is written when the disk is full, which most of the time is a save."""
    needed = sum(path.stat().st_size // 1024 for path in (base.scratch / 'finished').rglob('*'))
    disk = mount(folder, 2 * needed + 4096)
    fill(disk, spare=rng.randrange(40, needed))
    base.start(disk / 'run').ended().checked(0, 1)
    (disk / 'filler').unlink()
    base.again(disk / 'run')


def disk_full_between_saves(base: Base, folder: Path, rng: random.Random) -> None:
    disk = mount(folder, 16384)
    process = base.start(disk / 'run')
    step = rng.randrange(SAVED, STEPS, SAVED)
    process.until((disk / 'run' / 'checkpoints' / f'{step:08d}').exists)
    fill(disk, spare=0)
    process.ended().checked(0, 1)
    (disk / 'filler').unlink()
    base.again(disk / 'run')


def read_only(base: Base, folder: Path, rng: random.Random) -> None:
    disk = mount(folder, 16384)
    run = base.copy(rng.choice(['finished', 'half']), disk / 'run')
    subprocess.run(['mount', '-o', 'remount,ro', str(disk)], check=True)
    base.start(run).ended().checked(1, 2)
    Process([f'--report={run}']).ended().checked(1, 2)
    subprocess.run(['mount', '-o', 'remount,rw', str(disk)], check=True)
    base.again(run)


def stop_and_continue(base: Base, folder: Path, rng: random.Random) -> None:
    process = base.start(folder / 'run', cold=True)
    for _ in range(3):
        at_random(process, rng, base.seconds / 2)
        process.send(signal.SIGSTOP)
        time.sleep(rng.uniform(0, 2))
        process.send(signal.SIGCONT)
    process.ended().checked(0)
    same(base.alone, folder / 'run')


def ended_by(number: signal.Signals) -> Callable:
    """A run that gets a signal, and now and then another one soon after."""

    def fault(base: Base, folder: Path, rng: random.Random) -> None:
        process = base.start(folder / 'run', cold=True)
        at_random(process, rng, 2 * base.seconds)
        process.send(number)
        if rng.random() < 0.3:
            time.sleep(rng.uniform(0, 0.5))
            process.send(number)
        stopped(process.ended(), number)
        base.again(folder / 'run')

    return fault


def driver_ended_by(number: signal.Signals) -> Callable:
    """A study whose process gets a signal."""

    def fault(base: Base, folder: Path, rng: random.Random) -> None:
        process = Process(base.study(folder / 'study'), cold=True)
        at_random(process, rng, 2 * base.seconds)
        process.send(number)
        stopped(process.ended(), number, lines=2)  # The second one is the driver's, who hands the signal on.
        base.study_again(folder / 'study')

    return fault


def stopped(ended: Ended, number: int, lines: int = 1) -> None:
    """Done before, or stopped by the signal: in a line, but where Python was shutting down, or nobody can say one."""
    if ended.code in (0, -number) and not ended.stderr:
        return
    if ended.code != 128 + number or ended.stderr.count('\n') > lines or 'Traceback' in ended.stdout + ended.stderr:
        raise Misbehaved(f'exit code {ended.code}: {ended.stdout[-1000:]}{ended.stderr[-2000:]}')


def two_runs(base: Base, folder: Path, rng: random.Random) -> None:
    first = base.start(folder / 'run', cold=True)
    at_random(first, rng, 2 * base.seconds)
    second = base.start(folder / 'run').ended().checked(0, 2)
    ended = first.ended().checked(0, 2)
    if ended.code and second.code:
        raise Misbehaved(f'neither of two runs was done: {ended.stderr}{second.stderr}')
    same(base.alone, folder / 'run')


def two_drivers(base: Base, folder: Path, rng: random.Random) -> None:
    first = Process(base.study(folder / 'study'), cold=True)
    at_random(first, rng, 2 * base.seconds)
    second = Process(base.study(folder / 'study')).ended().checked(0, 2)
    ended = first.ended().checked(0, 2)
    if ended.code and second.code:
        raise Misbehaved(f'neither of two studies was done: {ended.stderr}{second.stderr}')
    same(base.of_study, folder / 'study' / 'one')


def remove(path: Path, rng: random.Random) -> None:
    path.unlink()


def truncate(path: Path, rng: random.Random) -> None:
    os.truncate(path, rng.randrange(path.stat().st_size))


def flip(path: Path, rng: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def damaged(which: str, damage: Callable) -> Callable:
    """A file of a run, any, is damaged."""

    def fault(base: Base, folder: Path, rng: random.Random) -> str:
        run = base.copy(which, folder / 'finished')
        paths = [path for path in sorted(run.rglob('*')) if path.is_file() and path.stat().st_size]
        # Most files are parts of checkpoints: the others get half of the trials.
        at_the_top = [path for path in paths if path.parent == run]
        path = rng.choice(at_the_top if rng.random() < 0.5 else paths)
        damage(path, rng)
        what = path.relative_to(run).as_posix()
        try:
            if which == 'finished':
                reported(base, run)
            if which == 'finished' and what.startswith(f'checkpoints/{STEPS:08d}'):
                # Of a run that is done nobody reads its weights but who uses them.
                ended = base.start(run, '--mode=evaluate').ended().checked(1)
                raise Said(ended.stderr.strip())
            base.again(run)
        except Said as said:
            raise Said(f'{what}: {said}') from None
        except Misbehaved as error:
            raise Misbehaved(f'{what}: {error}') from None
        return what

    return fault


def reported(base: Base, run: Path) -> None:
    """A report of damaged files says so, or is the one that there was."""
    ended = Process([f'--report={run}', '--quiet']).ended().checked(0, 1, 2)
    if ended.code == 0 and _numbers(run / 'report.md') != _numbers_of(base.report):
        raise Misbehaved('--report ended with exit code 0, and wrote another page')


def _numbers(path: Path) -> list[str]:
    return _numbers_of(path.read_text())


def _numbers_of(text: str) -> list[str]:
    # Without its manifest a folder says that nothing vouches for it.
    return [line for line in text.splitlines() if line and not line.startswith('Nothing vouches')]


def at_random(process: Process, rng: random.Random, seconds: float) -> None:
    """Waits for a moment of the run, from the first at which it listens to signals."""
    process.until(lambda: process.caught(signal.SIGTERM))
    moment = time.monotonic() + rng.uniform(0, seconds)
    process.until(lambda: time.monotonic() >= moment)


def mount(folder: Path, kilobytes: int) -> Path:
    """A disk of that size."""
    disk = folder / 'disk'
    disk.mkdir()
    subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={kilobytes}k', 'tmpfs', str(disk)], check=True)
    return disk


def unmount_below(folder: Path) -> None:
    """Gives the disk of a trial back."""
    if os.path.ismount(folder / 'disk'):
        subprocess.run(['umount', '--lazy', str(folder / 'disk')], check=True)


def fill(disk: Path, spare: int) -> None:
    """Fills a disk up, but for so many kilobytes."""
    free = os.statvfs(disk)
    left = free.f_bavail * free.f_frsize // 1024 - spare
    with (disk / 'filler').open('wb', buffering=0) as file:
        try:
            os.posix_fallocate(file.fileno(), 0, max(left, 4) * 1024)
        except OSError:
            # Somebody else has written meanwhile: what is left goes in small pieces.
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass


DISKS = {
    'disk full at the start': disk_full_at_the_start,
    'disk full in a save': disk_full_in_a_save,
    'disk full between saves': disk_full_between_saves,
    'read-only folder': read_only,
}
SIGNALS = {
    'SIGSTOP and SIGCONT': stop_and_continue,
    **{f'{number.name} to a run': ended_by(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)},
    **{f'{number.name} to a study': driver_ended_by(number) for number in (signal.SIGTERM, signal.SIGINT)},
    'SIGKILL to a study': driver_ended_by(signal.SIGKILL),
    'two runs in a folder': two_runs,
    'two studies in a folder': two_drivers,
}
FILES = {
    f'{what} a file of a {which} run': damaged(which.split('-')[0], damage)
    for which in ('finished', 'half-done')
    for what, damage in (('removed', remove), ('truncated', truncate), ('flipped a bit of', flip))
}
KINDS = {**DISKS, **SIGNALS, **FILES}


def order(part: str = '') -> list[str]:
    """The kinds in the order in which they come round; only those with `part` in their names."""
    rare = [*SIGNALS, *(() if NO_DISKS in os.environ else DISKS)]
    return [kind for kind in [*rare, *(list(FILES) * OFTEN)] if part in kind]
