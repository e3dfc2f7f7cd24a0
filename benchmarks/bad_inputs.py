"""Gives the real command one bad input after the other and checks that each is answered by one clear line.

    python -m benchmarks.bad_inputs       # a few minutes on two cores

Wanted of every input: exit code 2, one line on stderr (a run also says how it begins), nothing on stdout; and within
2 s, but for those that only jax or tensorflow_datasets can refuse (marked *). Files of the user's that raise are named
with their line. Prints a markdown table; DIR stands for a temporary folder. Exit code 0 if all behave, else 1.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from posbench.knobs import schema
from posbench.runs import locks, workdir

ROOT = Path(__file__).parents[1]
SECONDS = 2.0
ROPE, REVERSE = '--config=configs/rope.py', '--config=configs/tasks/reverse.py'
FOLDER = [ROPE, '--config.dataset.name=folder']


class Bad(NamedTuple):
    what: str
    arguments: list[str]  # {dir} is the temporary folder.
    wanted: str  # a part of the line
    slow: bool = False  # whether something slow has to be imported to know


STUDY = """from posbench.runs.study import Run
STEPS = {{'train.steps': 60, 'optimizer.warmup_steps': 10}}
def runs():
    return {runs}
"""
# By the name of the file: what it is, what runs() gives, a part of the line.
STUDIES = dict(
    escapes=('with a run outside', "[Run('../x', 'configs/rope.py', {})]", "got '../x', wanted the name of one folder"),
    absolute=('with an absolute run', "[Run('/x', 'configs/rope.py', {})]", "got '/x', wanted the name of one folder"),
    nameless=('with a run without a name', "[Run('', 'configs/rope.py', {})]", "got '', wanted a text"),
    own_file=(
        'with a run like its own file',
        "[Run('study.json', 'configs/rope.py', {})]",
        'something else in a study',
    ),
    twice=('with one name twice', "[Run('a', 'configs/rope.py', {}), Run('A', 'configs/alibi.py', {})]", 'one name'),
    same=('with one config twice', "[Run('a', 'configs/rope.py', {}), Run('b', 'configs/rope.py', {})]", 'very same'),
    no_config=('of a config that is not there', "[Run('a', 'configs/rop.py', {})]", "did you mean 'configs/rope.py'?"),
    typo=('with an unknown knob', "[Run('a', 'configs/rope.py', {'train.stpes': '3'})]", "run 'a': config.train.stpes"),
    no_runs=('whose runs() gives none', 'None', 'runs() gave None, wanted a list of Run'),
    no_run=('whose run is a text', "['rope']", "run 1 is 'rope', wanted Run"),
    raises_runs=('whose runs() raises', '[] [0]', 'raises_runs.py:4: IndexError'),
)
ENCODING = """from posbench.encodings import base
class Encoding(base.PositionEncoding):
    strength: float = 1.0
    def {hook}:
        {line}
"""
BIAS = 'bias(self, pos_q_BL, pos_k_BM)'
TASK = """from posbench.tasks import base, by_row
class Task(by_row.ByRow):
    def row(self, key, length):
        inputs_L = {inputs}
        return dict(inputs_L=inputs_L, targets_L=inputs_L, weights_L=inputs_L.astype('float32'))
    symbols: int = base.option(16)
    def values(self, sums):
        return {values}
"""
ARANGE = '__import__("jax").numpy.arange(length)'
# Files of the user's, each wrong in its own way.
FILES = {
    'empty': '',
    'broken': 'import os\nvalue = 1 / 0\n',
    'raises': 'def get_config():\n    return {}["model"]\n',
    'none_config': 'def get_config():\n    return None\n',
    'made': ENCODING.format(hook='__post_init__(self)', line="raise ValueError('of\\nthree\\nlines')"),
    'traced': ENCODING.format(hook=BIAS, line='return 1 / 0'),
    'asks': ENCODING.format(hook=BIAS, line='return 1.0 if pos_q_BL[0, 0] > 0 else 2.0'),
    'shape': ENCODING.format(hook=BIAS, line='return pos_q_BL[:, :3].astype("float32")'),
    'foreign': 'class Encoding:\n    strength: float = 1.0\n',
    'places': 'def places(rng, batch_size, length, *, train):\n    return [][length]\n',
    'head': 'from posbench.heads import tied\nclass Head(tied.Head):\n    def __call__(self, *_, **__):\n'
    '        raise RuntimeError("no")\n',
    'sampled': TASK.format(inputs='{}["symbols"]', values='{}'),
    'scored': TASK.format(inputs=ARANGE, values='1 / 0'),
    'study': STUDY.format(runs="[Run('rope', 'configs/rope.py', STEPS)]"),
} | {name: STUDY.format(runs=runs) for name, (_, runs, _) in STUDIES.items()}


def encoding(name: str) -> list[str]:
    """The flags of a run with an encoding of FILES."""
    return [ROPE, f'--config.encoding.name={name}', f'--config.encoding.module={{dir}}/{name}.py']


def task(name: str) -> list[str]:
    """The flags of a small run of a task of FILES."""
    small = ['--config.model.layers=1', '--config.train.length=8', '--config.train.steps_per_call=1']
    often = [f'--config.train.{knob}=1' for knob in ('evaluate_every', 'checkpoint_every')]
    return [ROPE, f'--config.task.name={name}', f'--config.task.module={{dir}}/{name}.py', *small, *often]


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
    Bad('encoder on text', [ROPE, '--config.model.name=encoder'], "wanted 'decoder'", slow=True),
    Bad('checkpoints between calls', [ROPE, '--config.train.checkpoint_every=7'], 'multiple of config.train.steps'),
    Bad('warm-up longer than the run', [ROPE, '--config.train.steps=50'], 'wanted at most config.train.steps'),
    Bad('mesh larger than the machine', [ROPE, '--config.mesh.data=16', '--devices=2'], 'on 2 devices', slow=True),
    Bad('model axis on odd devices', [ROPE, '--config.mesh.model=2', '--devices=3'], 'a divisor of the 3', slow=True),
    Bad('a sequence for several devices, of two halves', [REVERSE, '--config.mesh.sequence=2', '--devices=2'],
        'config.mesh.sequence: got more than 1, wanted 1, because a decoder or an encoder alone', slow=True),
    Bad('pmap of split parameters', [ROPE, '--config.parallel=pmap', '--config.mesh.shard_parameters=true'], 'replica'),
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
    Bad('encoding that raises when it is made', encoding('made'), 'made.py:5: ValueError: of three lines', slow=True),
    Bad('encoding that raises when it is traced', encoding('traced'), 'traced.py:5: ZeroDivisionError', slow=True),
    Bad('encoding that asks for values while traced', encoding('asks'), 'asks.py:5: TracerBoolConversion', slow=True),
    Bad('encoding of another shape', encoding('shape'), 'shape.py: no model can be made with it', slow=True),
    Bad('encoding on no interface', encoding('foreign'), 'foreign.py: no model can be made with it', slow=True),
    Bad('positions that raise', [ROPE, '--config.positions.name=places', '--config.positions.module={dir}/places.py'],
        'places.py:2: IndexError', slow=True),
    Bad('task that raises when it is sampled', task('sampled'), 'sampled.py:4: KeyError', slow=True),
    Bad('task that raises when it is scored', task('scored'), 'scored.py:8: ZeroDivisionError', slow=True),
    Bad('head that raises', [ROPE, '--config.head.name=head', '--config.head.module={dir}/head.py'],
        'head.py:4: RuntimeError', slow=True),
    Bad('config that raises', ['--config={dir}/raises.py'], 'raises.py:2: KeyError'),
    Bad('config that is none', ['--config={dir}/none_config.py'], 'got None, wanted a config'),
    *(Bad(f'study {what}', [f'--experiment={{dir}}/{name}.py'], line) for name, (what, _, line) in STUDIES.items()),
    Bad('study of another folder', ['--experiment={dir}/study.py', '--workdir={dir}/another'],
        'rope: it holds another run: config.train.steps is 40 there and 60 here'),
    Bad('trial with a typo', ['--experiment={dir}/study.py', '--config.train.stpes=4'],
        "run 'rope': config.train.stpes: there is no such knob; did you mean 'steps'?"),
    Bad('trial of no knob of its runs', ['--experiment={dir}/study.py', '--config.experiment=x'], 'name of the study'),
    Bad('trial with too few steps', ['--experiment={dir}/study.py', '--config.train.steps=5'], 'wanted at most'),
    Bad('study whose folder is a file', ['--experiment={dir}/study.py', '--workdir={dir}/empty.py'], 'cannot be used'),
    Bad('study that is under way', ['--experiment={dir}/study.py', '--workdir={dir}/busy'], 'is running this study'),
]  # fmt: skip


@contextlib.contextmanager
def place() -> Iterator[Path]:
    """A temporary folder with the files that the inputs name."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, text in FILES.items():
            (folder / f'{name}.py').write_text(text)
        for name in ('cut', 'other', 'held', 'rows', 'busy', 'another/rope/checkpoints/00000040'):
            (folder / name).mkdir(parents=True)
        (folder / 'cut' / 'config.json').write_text('{"seeds": [0')
        (folder / 'rows' / 'rows.jsonl').write_text('{"run": \n{}\n')
        other = schema.load(ROOT / 'configs' / 'alibi.py')
        (folder / 'other' / 'config.json').write_text(workdir.as_json(other))
        changed = {'train.steps': 40, 'optimizer.warmup_steps': 10, 'experiment': 'study'}
        changed = schema.load(ROOT / 'configs' / 'rope.py', changed)
        (folder / 'another' / 'rope' / 'config.json').write_text(workdir.as_json(changed))
        with locks.held(folder / 'held' / '.lock'), locks.held(folder / 'busy' / '.lock.0-of-1'):
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
    said = [line for line in stderr.splitlines() if line.startswith('launch.py: ')]
    if stderr.count('\n') != 1 and not (bad.slow and len(said) == 1 and 'Traceback' not in stderr):
        found.append(f'{len(stderr.splitlines())} lines on stderr')
    if bad.wanted not in ''.join(said):
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
