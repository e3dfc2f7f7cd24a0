"""The real command on a real, tiny run: one block on a folder of short texts, two seeds, no setup but `write_text`.

It compiles cheaply, as all tests do; with the compiler that users have, CI runs it once.
"""

import os
import pathlib
import signal
import subprocess
import sys

from tests import cheap

ROOT = pathlib.Path(__file__).parents[1]
SENTENCE = 'It is a truth universally acknowledged, that a single man in possession of a good fortune, wants a wife. '


def write_text(root: pathlib.Path) -> list[str]:
    """Writes train/, validation/ and test/ below `root`; gives the flags of a run on them with caches below `root`."""
    for split, times in (('train', 40), ('validation', 10), ('test', 10)):
        (root / 'text' / split).mkdir(parents=True)
        (root / 'text' / split / 'one.txt').write_text(f'{split}: ' + SENTENCE * times)
    knobs = dict(
        dataset=dict(name='folder', folder=root / 'text', tokenizer='bytes', data_dir=root / 'data'),
        model=dict(layers=1, width=16, heads=2, hidden=32),
        train=dict(length=16, batch_size=4, steps=20, steps_per_call=5, evaluate_every=10, checkpoint_every=10),
        optimizer=dict(warmup_steps=5),
        task=dict(stride=8),
        evaluate=dict(multiples='1,2', tokens=256, batch_tokens=256),
        generate=dict(tokens=8, samples=2),
    )
    return ['--config.seeds=0,1', '--devices=2'] + [
        f'--config.{group}.{name}={value}' for group, values in knobs.items() for name, value in values.items()
    ]


REVERSE = [
    '--config.seeds=0,1',
    '--devices=2',
    '--config.model.layers=1',
    '--config.model.width=16',
    '--config.model.heads=2',
    '--config.model.hidden=32',
    '--config.train.length=4',
    '--config.train.batch_size=4',
    '--config.train.steps=100',
    '--config.train.steps_per_call=5',
    '--config.train.evaluate_every=50',
    '--config.train.checkpoint_every=20',
    '--config.optimizer.warmup_steps=5',
    '--config.evaluate.tokens=64',
    '--config.evaluate.batch_tokens=64',
    '--config.evaluate.multiples=1',
]
# At the training length alone.
ONE_LENGTH = ['--config.evaluate.multiples=1', '--config.evaluate.first_unseen=false']


def start(*arguments, cwd: pathlib.Path = ROOT, **variables: str) -> subprocess.Popen:
    """`python launch.py arguments`, without the settings of this test process; `variables` go into its environment."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(('XLA_', 'JAX_'))}
    environment = inherited | cheap.ENVIRONMENT | variables
    command = [sys.executable, str(ROOT / 'launch.py'), *map(str, arguments)]
    pipe = subprocess.PIPE
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell lets what is in the background ignore Ctrl-C, and so would the command.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return subprocess.Popen(command, cwd=cwd, env=environment, stdout=pipe, stderr=pipe, text=True)


def launch(*arguments, cwd: pathlib.Path = ROOT, **variables: str) -> subprocess.CompletedProcess:
    """Runs the command to its end."""
    process = start(*arguments, cwd=cwd, **variables)
    stdout, stderr = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)
