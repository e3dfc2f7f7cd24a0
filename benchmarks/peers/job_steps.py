"""posbench's own training of a config, timed: the steps that `launch.py` compiles, with the data that it reads."""

import pathlib
import time
from collections.abc import Callable

from benchmarks.peers.turns import ROOT, Clock


def train(report: Callable, config: str, knobs: dict, steps: int) -> None:
    """A turn is `steps` steps of all seeds, its seconds those of a step of one of them.

    What comes before is `imports`, and `compile`, which is all up to the end of a first step.
    """
    begun = time.perf_counter()
    from posbench.devices import host

    host.prepare()
    import jax
    import jax.numpy as jnp

    from posbench.devices import parallel
    from posbench.knobs import schema
    from posbench.training import job

    imported = time.perf_counter()
    made = schema.load(ROOT / config, knobs | {'train.steps_per_call': steps})
    one = job.from_config(made, pathlib.Path(config).stem)
    state = parallel.place_state(one.init_state(), one.layout)
    feed = one.feeder()
    state, metrics = one.compiled_steps(state, feed(0), jnp.int32(1))
    jax.block_until_ready(metrics)
    report(dict(imports=imported - begun, compile=time.perf_counter() - imported))
    at = 1
    while True:
        clock = Clock()
        state, metrics = one.compiled_steps(state, feed(at), jnp.int32(steps))
        jax.block_until_ready(metrics)
        at += steps
        report(
            clock.read(steps * len(one.seeds)) | dict(loss=float(parallel.numbers(metrics, one.layout)['loss'].mean()))
        )
