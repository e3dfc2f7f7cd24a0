"""The main job's losses over 50 steps: jit and pmap, 1 and 8 devices, three seeds together and apart.

    python -m benchmarks.same_losses [--steps=50] [--config.path.to.knob=value ...]

Prints the largest relative difference of each way from one device under jit, the largest between any two ways, and
that of pmap from jit on as many devices; and how far validation differs where devices share a sequence. The order of
float32 sums is all that differs, but a difference made at one step is carried into the next.
"""

import argparse
import pathlib

from posbench.devices import host

host.prepare(8)

import jax.numpy as jnp  # noqa: E402 (the devices are counted when jax is imported)
import numpy as np  # noqa: E402

from posbench.devices import parallel  # noqa: E402
from posbench.knobs import schema  # noqa: E402
from posbench.training import job  # noqa: E402

CONFIG = pathlib.Path(__file__).parent.parent / 'configs' / 'rope.py'
ONE = {'mesh.seed': '1', 'mesh.data': '1'}
WAYS = {
    'jit, 8 devices': {'mesh.data': '8'},
    'jit, 2 devices for the batch, 4 for the model': {'mesh.data': '2', 'mesh.model': '4'},
    'jit, 8 devices, parameters split (FSDP)': {'mesh.data': '8', 'mesh.shard_parameters': 'true'},
    'jit, 4 devices with a part of the parameters, 2 for the model': {
        'mesh.data': '4',
        'mesh.model': '2',
        'mesh.shard_parameters': 'true',
    },
    'jit, 2 devices for the batch, 4 for each sequence': {'mesh.data': '2', 'mesh.sequence': '4'},
    'pmap, 1 device': {'parallel': 'pmap'} | ONE,
    'pmap, 8 devices': {'parallel': 'pmap'},
}


def built(steps: int, changes: dict[str, str]) -> job.Job:
    return job.from_config(
        schema.load(CONFIG, {'train.steps': str(steps), 'optimizer.warmup_steps': '10'} | changes), 'rope'
    )


def losses(steps: int, changes: dict[str, str]) -> np.ndarray:
    """[S, steps]."""
    one = built(steps, changes)
    compiled = one.compiled_steps
    state = parallel.place_state(one.init_state(), one.layout)
    found, at = [], 0
    while at < steps:
        count = min(one.schedule.steps_per_call, steps - at)
        state, metrics = compiled(state, one.device_feed(), jnp.int32(count))
        found.append(parallel.numbers(metrics, one.layout)['loss'][:, :count])
        at += count
    return np.concatenate(found, axis=1)


def validation(steps: int, changes: dict[str, str]) -> float:
    """What decides, of the weights at step 0."""
    one = built(steps, changes)
    return float(one.validate(one.init_state())[one.decides[0]][0])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--steps', type=int, default=50)
    arguments, others = parser.parse_known_args()
    given = dict(argument.removeprefix('--config.').split('=', 1) for argument in others)
    steps = arguments.steps
    host.compilation_cache(str(pathlib.Path('~/.cache/posbench/xla').expanduser()))

    def compare(name, found, expected):
        relative = np.abs(found - expected) / np.abs(expected)
        print(f'{name:62} {relative.max():.1e} over all steps, {relative[:, -1].max():.1e} at step {steps}', flush=True)

    apart = np.concatenate([losses(steps, given | {'seeds': str(seed)} | ONE) for seed in (0, 1, 2)])
    print(f'one device, jit: loss of seed 0 from {apart[0, 0]:.4f} to {apart[0, -1]:.4f}')
    ways = {'jit, 1 device': apart[:1]}
    for name, changes in WAYS.items():
        ways[name] = losses(steps, given | changes)
        compare(name, ways[name], apart[:1])
    # The way whose losses are highest, and the one whose are lowest, of each step.
    spread = np.stack(list(ways.values()))
    compare('between any two of these', spread.max(axis=0), spread.min(axis=0))
    compare('pmap against jit, 8 devices', ways['pmap, 8 devices'], ways['jit, 8 devices'])
    together = given | {'seeds': '0,1,2'}
    compare('3 seeds in one program, 1 device', losses(steps, together | ONE), apart)
    compare('3 seeds in one program, a device each', losses(steps, together | {'mesh.seed': '3'}), apart)
    compare('3 seeds in one program, pmap, 8 devices', losses(steps, together | {'parallel': 'pmap'}), apart)
    scored = [validation(steps, given | mesh) for mesh in (ONE, {'mesh.data': '2', 'mesh.sequence': '4'})]
    print(f'validation, 4 devices for each sequence: {abs(scored[1] / scored[0] - 1):.1e} from {scored[0]:.4f}')


if __name__ == '__main__':
    main()
