"""Gives the real command one bad input after the other and checks that each is answered by one clear line.

    python -m benchmarks.bad_inputs       # a minute on two cores

Wanted of every input: exit code 2, exactly one line on stderr, nothing on stdout; and within 2 s, but for the few that
only jax or tensorflow_datasets can refuse (marked *). Prints a markdown table; DIR stands for a temporary folder.
Exit code 0 if all inputs behave, else 1.
"""

import argparse
import contextlib
import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
SECONDS = 2.0
ROPE = '--config=configs/rope.py'
FOLDER = [ROPE, '--config.dataset.name=folder']


class Bad(NamedTuple):
    what: str
    arguments: list[str]  # {dir} is the temporary folder.
    wanted: str  # a part of the line
    slow: bool = False  # whether something slow has to be imported to know


BAD = [
    Bad('no flag at all', [], 'exactly one of --config'),
    Bad('unknown flag', [ROPE, '--wrokdir=x'], 'did you mean --workdir?'),
    Bad('unknown mode', [ROPE, '--mode=trian'], "did you mean 'train'?"),
    Bad('a run and a report at once', [ROPE, '--report={dir}'], 'got --config and --report'),
    Bad('typo at the top level', [ROPE, '--config.dtpye=float32'], "did you mean 'dtype'?"),
    Bad('typo in a group', [ROPE, '--config.train.stpes=5'], "did you mean 'steps'?"),
    Bad('text for a number', [ROPE, '--config.train.steps=many'], "got 'many', wanted an integer"),
    Bad('fraction for an integer', [ROPE, '--config.model.layers=2.5'], 'got 2.5, wanted an integer'),
    Bad('negative steps', [ROPE, '--config.train.steps=-5'], 'got -5, wanted an integer of at least 1'),
    Bad('learning rate nan', [ROPE, '--config.optimizer.learning_rate=nan'], 'got nan, wanted a finite number'),
    Bad('the same seed twice', [ROPE, '--config.seeds=1,1'], 'config.seeds'),
    Bad('no seed', [ROPE, '--config.seeds='], 'config.seeds'),
    Bad('width no multiple of heads', [ROPE, '--config.model.width=130'], 'wanted a multiple of config.model.heads'),
    Bad('odd head width for rotary', [ROPE, '--config.model.width=36'], 'wanted an even head width'),
    Bad('encoder on text', [ROPE, '--config.model.name=encoder'], "wanted 'decoder'"),
    Bad('checkpoints between calls', [ROPE, '--config.train.checkpoint_every=7'], 'multiple of config.train.steps'),
    Bad('warm-up longer than the run', [ROPE, '--config.train.steps=50'], 'wanted at most config.train.steps'),
    Bad('mesh larger than the machine', [ROPE, '--config.mesh.data=16', '--devices=2'], 'on 2 devices', slow=True),
    Bad('model axis on odd devices', [ROPE, '--config.mesh.model=2', '--devices=3'], 'a divisor of the 3', slow=True),
    Bad('seeds that do not fill the mesh', [ROPE, '--config.mesh.seed=2'], 'wanted a divisor of 1'),
    Bad('randomized positions too few', ['--config=configs/randomized_rope.py', '--config.positions.max_position=512'],
        'config.positions.max_position: got 512, wanted at least 1024'),
    Bad('unknown encoding', [ROPE, '--config.encoding.name=rotery'], "did you mean 'rotary'?"),
    Bad('unknown option of an encoding', [ROPE, '--config.encoding.thta=5'], "did you mean 'theta'?"),
    Bad('option of another encoding', [ROPE, '--config.encoding.max_length=5'], 'there is no such knob'),
    Bad('option out of range', [ROPE, '--config.encoding.theta=-1'], 'config.encoding.theta: got -1'),
    Bad('missing module', [ROPE, '--config.encoding.module={dir}/none.py'], 'which is no file'),
    Bad('module without Encoding', [ROPE, '--config.encoding.module={dir}/empty.py'], 'empty.py'),
    Bad('module with a Python error', [ROPE, '--config.encoding.module={dir}/broken.py'], 'broken.py'),
    Bad('missing config file', ['--config=configs/rop.py'], "did you mean 'configs/rope.py'?"),
    Bad('config file with a Python error', ['--config={dir}/broken.py'], 'broken.py'),
    Bad('config file without get_config', ['--config={dir}/empty.py'], 'get_config()'),
    Bad('corrupted config.json', ['--config={dir}/cut/config.json'], 'JSONDecodeError'),
    Bad('missing data folder', [*FOLDER, '--config.dataset.folder={dir}/none'], 'no folder on this machine'),
    Bad('data folder without splits', [*FOLDER, '--config.dataset.folder={dir}/other'], 'lacks train/', slow=True),
    Bad('unknown dataset', [ROPE, '--config.dataset.name=austne'], "did you mean 'austen'?", slow=True),
    Bad('TFDS dataset that is not prepared', [ROPE, '--config.dataset.name=lm1b'], 'is not prepared', slow=True),
    Bad('data_dir is a file', [ROPE, '--config.dataset.data_dir={dir}/empty.py'], 'empty.py', slow=True),
    Bad("another run's folder", [ROPE, '--workdir={dir}/other'], 'it holds another run'),
    Bad('folder with a cut config.json', [ROPE, '--workdir={dir}/cut'], 'it cannot be used as the config'),
    Bad('workdir is a file', [ROPE, '--workdir={dir}/empty.py'], 'it cannot be used as a run folder'),
    Bad('workdir that cannot be written', [ROPE, '--workdir=/proc/run'], 'it cannot be used as a run folder'),
    Bad('folder of a run under way', [ROPE, '--workdir={dir}/held'], 'is running in it'),
    Bad('nothing to resume', [ROPE, '--resume=must'], 'there is no run with checkpoints to resume'),
    Bad('evaluation before training', [ROPE, '--mode=evaluate'], 'there is no run with checkpoints'),
    Bad('report of a folder that is not there', ['--report={dir}/none'], 'which is not a folder'),
    Bad('report of a folder without rows', ['--report={dir}/other'], 'rows.jsonl', slow=True),
    Bad('report of damaged rows', ['--report={dir}/rows'], 'rows.jsonl, line 1: damaged', slow=True),
    Bad('missing experiment', ['--experiment=experiments/length_curve.py'], "'experiments/length_curves.py'?"),
    Bad('experiment without runs()', ['--experiment={dir}/empty.py'], 'no runs()'),
    Bad('experiment with a Python error', ['--experiment={dir}/broken.py'], 'broken.py'),
    Bad('part 5 of 4', ['--experiment=experiments/length_curves.py', '--shard=5/4'], 'wanted I/N'),
    Bad('pattern that no run has', ['--experiment=experiments/length_curves.py', '--only=xyz'], 'no run of'),
]  # fmt: skip


@contextlib.contextmanager
def place() -> Iterator[Path]:
    """A temporary folder with the files that the inputs name."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / 'empty.py').write_text('')
        (folder / 'broken.py').write_text('import os\nvalue = 1 / 0\n')
        for name in ('cut', 'other', 'held', 'rows'):
            (folder / name).mkdir()
        (folder / 'cut' / 'config.json').write_text('{"seeds": [0')
        (folder / 'rows' / 'rows.jsonl').write_text('{"run": \n{}\n')
        copy = 'from posbench import schema, workdir; print(workdir.as_json(schema.load("configs/alibi.py")), end="")'
        done = subprocess.run([sys.executable, '-c', copy], cwd=ROOT, capture_output=True, text=True, check=True)
        (folder / 'other' / 'config.json').write_text(done.stdout)
        with (folder / 'held' / '.lock').open('w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder


def give(bad: Bad, folder: Path) -> tuple[int, float, str, str]:
    """(exit code, seconds, stdout, stderr) of the real command."""
    arguments = [argument.replace('{dir}', str(folder)) for argument in bad.arguments]
    if arguments and arguments[0].startswith('--config') and not any('--workdir' in argument for argument in arguments):
        arguments.append(f'--workdir={folder}/fresh_{BAD.index(bad)}')
    environment = {key: value for key, value in os.environ.items() if not key.startswith(('XLA_', 'JAX_'))}
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, 'launch.py', *arguments],
        cwd=ROOT,
        env=environment | {'HOME': str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, time.perf_counter() - begun, done.stdout, done.stderr


def complaints(bad: Bad, code: int, seconds: float, stdout: str, stderr: str) -> list[str]:
    found = []
    if code != 2:
        found.append(f'exit code {code}')
    if stdout:
        found.append(f'{len(stdout.splitlines())} lines on stdout')
    if stderr.count('\n') != 1:
        found.append(f'{len(stderr.splitlines())} lines on stderr')
    if bad.wanted not in stderr:
        found.append(f'it does not say {bad.wanted!r}')
    if seconds > SECONDS and not bad.slow:
        found.append(f'{seconds:.1f} s')
    return found


def main(argv: list[str] | None = None) -> int:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args(argv)
    failed = 0
    print('| input | exit code | seconds | what it prints |\n|---|---|---|---|')
    with place() as folder:
        for bad in BAD:
            code, seconds, stdout, stderr = give(bad, folder)
            lines = stderr.strip().splitlines() or ['']
            text = lines[-1].replace(str(folder), 'DIR').replace('|', '\\|')
            print(f'| {bad.what}{" *" if bad.slow else ""} | {code} | {seconds:.1f} | {text} |', flush=True)
            if found := complaints(bad, code, seconds, stdout, stderr):
                failed += 1
                print(f'MISBEHAVED: {bad.what}: {"; ".join(found)}', file=sys.stderr, flush=True)
    print(f'\n{len(BAD) - failed} of {len(BAD)} bad inputs are answered by one line and exit code 2')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
