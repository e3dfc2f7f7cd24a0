"""Checkpoints across processes: killed ones, several at once, and ones with two devices or a full disk."""

import os
import random
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.mutate_checkpoints import bits
from posbench.training.checkpoint import Checkpoints

ROOT = Path(__file__).parents[2]


def script(source: str, *arguments, devices: int = 1) -> subprocess.Popen:
    flags = f'--xla_force_host_platform_device_count={devices}'
    environment = {**os.environ, 'XLA_FLAGS': flags, 'JAX_PLATFORMS': 'cpu', 'PYTHONPATH': str(ROOT)}
    command = [sys.executable, '-c', textwrap.dedent(source), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def succeed(*processes: subprocess.Popen) -> None:
    try:
        for process in processes:
            _, stderr = process.communicate(timeout=120)
            assert process.returncode == 0, stderr
    finally:
        for process in processes:
            process.kill()


def test_importing_the_module_does_not_import_orbax():
    succeed(
        script(
            "import sys, posbench.training.checkpoint; assert not any(name.startswith('orbax') for name in sys.modules)"
        )
    )


DISK_FULL = """
    import resource, signal, sys
    import jax.numpy as jnp
    from posbench.training.checkpoint import CheckpointError, Checkpoints

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    state = {'x': jnp.arange(2.0**16)}
    with Checkpoints(sys.argv[1], keep=3) as checkpoints:
        checkpoints.save(1, state)
        checkpoints.wait()
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**14, before[1]))
        try:
            checkpoints.save(2, state)
            checkpoints.wait()
        except CheckpointError as error:
            assert 'Cannot save step 2' in str(error), error
        else:
            raise AssertionError('no error')
        assert checkpoints.restore(state).step == 1
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        checkpoints.save(2, state)
        assert checkpoints.restore(state).step == 2
"""


def test_a_write_that_fails_inside_orbax_is_one_clear_error_and_the_next_save_works(tmp_path):
    succeed(script(DISK_FULL, tmp_path))


SAVE_FOREVER = """
    import sys
    import jax.numpy as jnp
    from posbench.training.checkpoint import Checkpoints

    def state(step):
        return {'x': jnp.arange(2**16) * step, 'step': jnp.int32(step)}

    with Checkpoints(sys.argv[1], keep=2) as checkpoints:
        restored = checkpoints.restore(state(0))
        first = restored.step + 1 if restored else 1
        for step in range(first, first + 10_000):
            checkpoints.save(step, state(step))
            print('saving', step, flush=True)
"""


def test_a_kill_at_any_moment_leaves_a_good_checkpoint(tmp_path):
    rng = random.Random(0)
    newest = 0
    for _ in range(3):
        process = script(SAVE_FOREVER, tmp_path)
        while not (line := process.stdout.readline()).startswith('saving'):
            assert process.poll() is None, process.stderr.read()
        first = int(line.split()[1])
        while process.stdout.readline() != f'saving {first + 2}\n':
            assert process.poll() is None, process.stderr.read()
        time.sleep(rng.uniform(0, 0.4))
        process.kill()
        process.communicate()
        abstract = {'x': jax.ShapeDtypeStruct((2**16,), jnp.int32), 'step': jax.ShapeDtypeStruct((), jnp.int32)}
        with Checkpoints(tmp_path, keep=2) as checkpoints:
            restored = checkpoints.restore(abstract)
        # Save number n + 1 starts after n is finished, so at least two of the three announced ones are there.
        assert restored.step >= newest + 2
        assert restored.rejected == []
        expected = {'x': jnp.arange(2**16) * restored.step, 'step': jnp.int32(restored.step)}
        assert bits(restored.state) == bits(expected)
        newest = restored.step


SHARDED = """
    import sys
    import jax, jax.numpy as jnp, numpy as np
    from jax.sharding import NamedSharding, PartitionSpec as P
    from posbench.training.checkpoint import Checkpoints

    mesh = jax.make_mesh((2,), ('data',))
    x = np.arange(64, dtype=np.float32).reshape(8, 8) / 3

    def tree(*specs):
        return {str(i): jax.device_put(x, NamedSharding(mesh, spec)) for i, spec in enumerate(specs)}

    saved = tree(P('data'), P(None, 'data'), P(), P('data'))
    with Checkpoints(sys.argv[1], keep=1) as checkpoints:
        checkpoints.save(1, saved)
        for wanted in (saved, tree(P(), P('data'), P('data'), P(None, 'data'))):
            restored = checkpoints.restore(wanted).state
            for name, leaf in restored.items():
                assert leaf.sharding == wanted[name].sharding, (name, leaf.sharding)
                assert np.asarray(leaf).tobytes() == x.tobytes()
"""


def test_arrays_on_two_devices_come_back_on_two_otherwise_sharded_and_on_one(tmp_path):
    succeed(script(SHARDED, tmp_path, devices=2))
    x = np.arange(64, dtype=np.float32).reshape(8, 8) / 3
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        restored = checkpoints.restore({str(i): jax.ShapeDtypeStruct((8, 8), jnp.float32) for i in range(4)}).state
    assert all(leaf.devices() == {jax.devices()[0]} for leaf in restored.values())
    assert bits(restored) == [x.tobytes()] * 4


TWO_PROCESSES = """
    import sys
    import jax, numpy as np
    folder, port, process = sys.argv[1], sys.argv[2], int(sys.argv[3])
    jax.distributed.initialize(f'localhost:{port}', 2, process)
    from jax.sharding import NamedSharding, PartitionSpec as P
    from pathlib import Path
    from posbench.training.checkpoint import Checkpoints

    mesh = jax.make_mesh((2,), ('data',))

    def state(step):
        x = np.arange(8, dtype=np.float32) * step
        return {
            name: jax.make_array_from_callback(x.shape, NamedSharding(mesh, spec), lambda index: x[index])
            for name, spec in (('split', P('data')), ('copied', P()))
        }

    def check(restored, step):
        assert restored.step == step, restored
        for name, leaf in restored.state.items():
            for mine, wanted in zip(leaf.addressable_shards, state(step)[name].addressable_shards):
                assert np.asarray(mine.data).tobytes() == np.asarray(wanted.data).tobytes()

    with Checkpoints(folder, keep=2) as checkpoints:
        for step in (1, 2, 3):
            checkpoints.save(step, state(step), {'step': step})
        check(checkpoints.restore(state(0)), 3)
        assert checkpoints.steps() == [2, 3]
        from jax.experimental import multihost_utils
        multihost_utils.sync_global_devices('restored')
        if process == 1:
            Path(folder, '00000003', 'extra').touch()  # Orbax would not mind, so only process 0's check can tell.
        multihost_utils.sync_global_devices('damaged')
        check(checkpoints.restore(state(0)), 2)
        checkpoints.save(3, state(3))
        check(checkpoints.restore(state(0)), 3)
        assert checkpoints.steps() == [2, 3]
"""


def test_two_processes_save_one_checkpoint_and_agree_on_the_one_they_restore(tmp_path):
    with socket.socket() as free:
        free.bind(('localhost', 0))
        port = free.getsockname()[1]
    succeed(*[script(TWO_PROCESSES, tmp_path, port, process) for process in range(2)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ['00000002', '00000003', 'damaged-00000003-1']
