"""Damages real checkpoints at random and counts how often that is noticed, and the step before used instead.

    python -m benchmarks.mutate_checkpoints --mutations=200 --seed=0       # 10 to 30 s on two cores

Each mutation hits one random file (the manifest included) of the newest of three steps, in a fresh copy of the run.
Exit code 0 if every mutation was reported and every restored bit is that of the step before, else 1.
"""

import argparse
import collections
import logging
import shutil
import sys
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

from posbench.training.checkpoint import CheckpointError, Checkpoints

STEPS = (100, 200, 300)
KINDS = ('flip', 'truncate', 'delete', 'zero', 'append')


def state(step: int) -> dict:
    """A small training state whose bits depend on the step."""
    rng = np.random.default_rng(step)
    params = {
        f'block_{layer}': {
            'kernel': jnp.asarray(rng.normal(size=(64, 64)), jnp.float32),
            'bias': jnp.asarray(rng.normal(size=64), jnp.bfloat16),
        }
        for layer in range(2)
    }
    moments = jax.tree.map(
        lambda x: jnp.asarray(rng.normal(size=x.shape), x.dtype) if x.ndim else jnp.int32(step),
        optax.adamw(1e-3).init(params),
    )
    return {'params': params, 'optimizer': moments, 'step': jnp.int32(step), 'key': jax.random.PRNGKey(step)}


def bits(tree) -> list[bytes]:
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)]


def mutate(rng: np.random.Generator, folder: Path, kind: str) -> Path:
    """Changes one random file below `folder`; draws again until its bytes are others than before."""
    paths = sorted(path for path in folder.rglob('*') if path.is_file())
    while True:
        path = paths[rng.integers(len(paths))]
        if kind == 'delete':
            path.unlink()
            return path
        data = path.read_bytes()
        changed = _changed(rng, data, kind)
        if changed != data:
            path.write_bytes(changed)
            return path


def _changed(rng: np.random.Generator, data: bytes, kind: str) -> bytes:
    first, last = sorted(rng.integers(0, len(data) + 1, size=2))
    if kind == 'append':
        return data + rng.bytes(1)
    if kind == 'truncate':
        return data[:first]
    if kind == 'zero':
        return data[:first] + bytes(last - first) + data[last:]
    if not data:
        return data
    at = rng.integers(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.integers(8)]) + data[at + 1 :]


def write_run(folder: Path) -> None:
    with Checkpoints(folder, keep=len(STEPS)) as checkpoints:
        for step in STEPS:
            checkpoints.save(step, state(step), {'step': step})


def survives(folder: Path) -> tuple[bool, bool]:
    """(the newest step was reported, the step before came back with its own bits)"""
    lines = []
    with Checkpoints(folder, keep=len(STEPS), log=lines.append) as checkpoints:
        try:
            restored = checkpoints.restore(state(0))
        except CheckpointError:
            return True, False
    reported = any(str(STEPS[-1]) in line for line in lines)
    fell_back = restored is not None and restored.step == STEPS[-2]
    return reported, fell_back and bits(restored.state) == bits(state(STEPS[-2]))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--mutations', type=int, default=200)
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args(argv)
    logging.getLogger('absl').setLevel(logging.ERROR)

    rng = np.random.default_rng(options.seed)
    drawn, detected, used = collections.Counter(), collections.Counter(), collections.Counter()
    with tempfile.TemporaryDirectory() as scratch:
        original, copy = Path(scratch, 'original'), Path(scratch, 'copy')
        write_run(original)
        for i in range(options.mutations):
            shutil.copytree(original, copy)
            kind = KINDS[i % len(KINDS)]
            path = mutate(rng, copy / f'{STEPS[-1]:08d}', kind)
            reported, fell_back = survives(copy)
            if not (reported and fell_back):
                print(f'MISSED: {kind} of {path.relative_to(copy)}')
            drawn[kind] += 1
            detected[kind] += reported
            used[kind] += fell_back
            shutil.rmtree(copy)

    print(f'{"mutation":10} {"drawn":>6} {"detected":>9} {"previous step used":>19}')
    for kind in drawn:
        print(f'{kind:10} {drawn[kind]:6} {detected[kind]:9} {used[kind]:19}')
    print(f'{detected.total()} of {drawn.total()} detected, previous good step used {used.total()} times')
    return 0 if detected.total() == used.total() == drawn.total() else 1


if __name__ == '__main__':
    sys.exit(main())
