"""Several processes against one, on this host: losses, checkpoints, kill -9, and going on with another number of them.

    python -m benchmarks.processes [--steps=60] [--tiny] [--folder=DIR] [--config.path.to.knob=value ...]

Real commands, which meet at a port of this host and send over it (gloo). All runs have the devices of the largest of
them, four, split among their processes, so that the same sums are added up in the same order.

    alone         one process with all devices
    two, four     as many processes
    killed N      two processes, of which number N is killed with kill -9 at half of the steps: what the other one says,
                  how long it takes, and its exit code; then the same command again on one process, and on four
    two at first  two processes to half of the steps, stopped by SIGTERM; then one
    one at first  one process to half of the steps, stopped by SIGTERM; then two

Prints the largest difference of each from `alone`: of the losses in metrics.jsonl, and of the weights at the last step.
The task cuts its windows on the host, so that each process reads its part of a batch. `--tiny` compiles in a sixth of
the time, as the tests do, a model of one layer.
"""

import argparse
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

import numpy as np

from tests import cheap

ROOT = pathlib.Path(__file__).parents[1]
DEVICES, PATIENCE = 4, 900.0
SMALL = dict(
    layers='config.model.layers=2',
    length='config.train.length=64',
    batch='config.train.batch_size=8',
    call='config.train.steps_per_call=2',
    host='config.task.on_device=false',
    kept='config.train.keep_checkpoints=5',
    warmup='config.optimizer.warmup_steps=10',
    tokens='config.evaluate.tokens=2048',
    lengths='config.evaluate.multiples=1',
    first='config.evaluate.first_unseen=false',
)
TINY = ['--config.model.layers=1', '--config.model.width=32', '--config.model.hidden=64', '--config.train.length=32']


class Run:
    """One run, whatever processes it is made of in turn."""

    def __init__(self, folder: pathlib.Path, steps: int, others: list[str], environment: dict[str, str]):
        self.folder, self.steps, self.environment = folder, steps, environment
        every = max(steps // 6, 2)
        knobs = [*SMALL.values(), f'config.train.steps={steps}', f'config.train.checkpoint_every={every}']
        flags = [f'--{knob}' for knob in (*knobs, f'config.train.evaluate_every={steps}')]
        self.command = [sys.executable, 'launch.py', '--config=configs/rope.py', f'--workdir={folder}', *flags, *others]

    def start(self, count: int, device_count: int = DEVICES) -> list[subprocess.Popen]:
        """The command in `count` processes, which have the devices among them."""
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            address = f'127.0.0.1:{free.getsockname()[1]}'
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(('XLA_', 'JAX_'))}
        found = []
        for index in range(count):
            names = dict(JAX_COORDINATOR_ADDRESS=address, JAX_NUM_PROCESSES=str(count), JAX_PROCESS_ID=str(index))
            found.append(
                subprocess.Popen(
                    [*self.command, f'--devices={device_count // count}'],
                    cwd=ROOT,
                    env=inherited | self.environment | (names if count > 1 else {}),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        return found

    def to_the_end(self, count: int) -> None:
        """All steps, on that many processes."""
        for process in end(self.start(count)):
            if process.returncode:
                raise SystemExit(f'{self.folder.name}: exit code {process.returncode}\n{process.said[1][-3000:]}')

    def reached(self, step: int) -> bool:
        """Whether a checkpoint of that step, or a later one, is finished."""
        names = [path.name for path in (self.folder / 'checkpoints').glob('[0-9]*')]
        return any(int(name) >= step for name in names)

    def half(self, count: int) -> list[subprocess.Popen]:
        """Processes under way, of which a checkpoint at half of the steps is there."""
        processes = self.start(count)
        deadline = time.monotonic() + PATIENCE
        while not self.reached(self.steps // 2):
            if time.monotonic() > deadline or any(process.poll() is not None for process in processes):
                for process in processes:
                    process.kill()
                raise SystemExit(f'{self.folder.name}: ended too soon: {[p.communicate() for p in processes]}')
            time.sleep(0.02)
        return processes

    def losses(self) -> np.ndarray:
        """Training losses in the order of metrics.jsonl, which has each step once."""
        lines = map(json.loads, (self.folder / 'metrics.jsonl').read_text('utf-8').splitlines())
        found = [(line['step'], line['value']) for line in lines if (line['split'], line['name']) == ('train', 'loss')]
        steps = [step for step, _ in found]
        if steps != sorted(set(steps)) or steps[-1] != self.steps:
            raise SystemExit(f'{self.folder.name}: metrics.jsonl has the steps {steps}')
        return np.array([value for _, value in found])

    def weights(self) -> dict[str, np.ndarray]:
        """Those of the last checkpoint, by path."""
        from posbench.training import checkpoint

        step, found = checkpoint.read_arrays(self.folder / 'checkpoints')
        if step != self.steps:
            raise SystemExit(f'{self.folder.name}: its last checkpoint is of step {step}')
        return {path: leaf for path, leaf in found.items() if path.startswith('params/')}

    def rows(self) -> int:
        """Lines of rows.jsonl."""
        return len((self.folder / 'rows.jsonl').read_text('utf-8').splitlines())


def end(processes: list[subprocess.Popen]) -> list[subprocess.Popen]:
    """The same, which have ended, with what they `said`."""
    for process in processes:
        process.said = process.communicate(timeout=PATIENCE)
    return processes


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--steps', type=int, default=60)
    parser.add_argument('--tiny', action='store_true')
    parser.add_argument('--folder', type=pathlib.Path)
    arguments, others = parser.parse_known_args()
    folder = arguments.folder or pathlib.Path(tempfile.mkdtemp(prefix='processes-'))

    environment = cheap.ENVIRONMENT if arguments.tiny else {}
    tiny = TINY if arguments.tiny else []

    def run(name: str) -> Run:
        return Run(folder / name, arguments.steps, tiny + others, environment)

    alone = run('alone')
    alone.to_the_end(1)
    losses, weights, rows = alone.losses(), alone.weights(), alone.rows()
    print(f'alone: loss from {losses[0]:.4f} to {losses[-1]:.4f}, {rows} rows', flush=True)

    def compare(one: Run, what: str) -> None:
        loss = np.abs(one.losses() / losses - 1).max()
        found = one.weights()
        weight = max(float(np.abs(found[path] - wanted).max()) for path, wanted in weights.items())
        same = 'as many rows' if one.rows() == rows else f'{one.rows()} rows instead of {rows}'
        print(f'{what:44} losses {loss:.1e} relative, weights {weight:.1e}, {same}', flush=True)

    for count, name in ((2, 'two'), (4, 'four')):
        one = run(name)
        one.to_the_end(count)
        compare(one, f'{count} processes')
    for victim, count in ((1, 1), (0, 4)):
        one = run(f'killed_{victim}')
        processes = one.half(2)
        processes[victim].kill()
        begun = time.monotonic()
        other = end(processes)[1 - victim]
        took, lines = time.monotonic() - begun, other.said[1].strip().splitlines()
        print(f'process {victim} of 2 killed: the other one ended after {took:.1f} s with exit code {other.returncode}')
        print(f'    it said last: {lines[-1]}', flush=True)
        one.to_the_end(count)
        compare(one, f'then on {count}')
    for before, after in ((2, 1), (1, 2)):
        one = run(f'{before}_then_{after}')
        processes = one.half(before)
        for process in processes:
            process.send_signal(signal.SIGTERM)
        print(f'SIGTERM to {before}: exit codes {[process.returncode for process in end(processes)]}')
        one.to_the_end(after)
        compare(one, f'{before} at first, then {after}')


if __name__ == '__main__':
    main()
