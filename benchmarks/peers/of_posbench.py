"""posbench as a subject: a training step, attention, generation."""

import pathlib
import tempfile
import time
from collections.abc import Callable

from benchmarks.peers.turns import Clock

NAMES = {'t5': 't5_bias'}
BLOCK = 256


def train(
    report: Callable,
    encoding: str,
    width: int,
    layers: int,
    heads: int,
    hidden: int,
    vocabulary: int,
    length: int,
    batch: int,
    steps: int,
    seeds: int = 1,
    devices: int | None = None,
    block_size: int | None = None,
    dtype: str = 'float32',
    cached: bool = False,
) -> None:
    """A turn is `steps` steps of all seeds by AdamW, on tokens that are drawn on the devices.

    cached: compiled programs are kept in a folder and found there, as `launch.py` does it.
    """
    begun = time.perf_counter()
    from posbench.devices import host

    host.prepare(devices)
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    from posbench import encodings, positions
    from posbench.devices import parallel
    from posbench.models import build
    from posbench.tasks.text import language_model
    from posbench.training import step

    if cached:
        host.compilation_cache(str(pathlib.Path(tempfile.gettempdir()) / 'posbench_peers_cache'))
    imported = time.perf_counter()
    layout = parallel.layout('jit', seeds=seeds, batch_size=batch)
    fields = dict(layers=layers, width=width, heads=heads, hidden=hidden, block_size=block_size)
    fields |= dict(dtype=jnp.dtype(dtype), platform=layout.platform)
    model = build.language_model(encodings.build(NAMES.get(encoding, encoding)), vocabulary=vocabulary, **fields)
    optimizer, position_map = optax.adamw(1e-3), positions.build('sequential')
    tokens_N = np.random.default_rng(0).integers(0, vocabulary, max(200_000, 4 * length)).astype(np.int32)
    task, key = language_model.Task(tokens_N), jax.random.key(0)

    def init(seed):
        example = step.with_positions(task.sample(key, batch, length), position_map, key, train=True)
        return step.init_state(model, optimizer, seed, example)

    state = parallel.place_state(jax.jit(jax.vmap(init))(jnp.arange(seeds)), layout)
    several = step.make_steps(model, optimizer, position_map, batch_size=batch, length=length, most=steps)
    program = parallel.compile_steps(several, layout, jax.eval_shape(lambda: state))
    feed = parallel.place(step.Feed(task), layout)
    state, metrics = jax.block_until_ready(program(state, feed, jnp.int32(1)))
    report(dict(imports=imported - begun, compile=time.perf_counter() - imported))
    while True:
        clock = Clock()
        state, metrics = jax.block_until_ready(program(state, feed, jnp.int32(steps)))
        # A CPU does not say.
        peak = (jax.local_devices()[0].memory_stats() or {}).get('peak_bytes_in_use', 0) / 2**20
        loss = float(np.asarray(metrics['loss'])[:, -1].mean())
        report(clock.read(steps) | dict(loss=loss, device_mib=peak))


def attend(report: Callable, encoding: str, length: int, gradient: bool, repeats: int, block_size: int = BLOCK) -> None:
    """A turn is `repeats` times causal attention of one sequence, 8 heads of 32 channels, or its gradient.

    One device of all cores: there is nothing to split the batch of one by.
    """
    from posbench.devices import host

    host.prepare(1)
    import jax
    import jax.numpy as jnp
    import numpy as np

    from posbench import encodings
    from posbench.models import attention

    encoding = encodings.build(NAMES.get(encoding, encoding)).sized(256, 8)
    params = jax.jit(encoding.init_params)(jax.random.key(0))
    rng, pos = np.random.default_rng(0), jnp.arange(length, dtype=jnp.int32)[None]
    q, k, v, d = (jnp.asarray(rng.normal(size=(1, length, 8, 32)), jnp.float32) for _ in range(4))

    def out(params, q, k, v):
        bound = encoding.with_params(params)
        # A first block that is not full would be filled up.
        size = block_size if length > block_size else None
        return attention.attend(q, k, v, encoding=bound, pos_q_BL=pos, pos_k_BM=pos, block_size=size)

    def run(params, q, k, v, d):
        if not gradient:
            return out(params, q, k, v)
        return jax.vjp(out, params, q, k, v)[1](d)

    program, before = jax.jit(run), time.perf_counter()
    jax.block_until_ready(program(params, q, k, v, d))
    report(dict(compile=time.perf_counter() - before))
    while True:
        clock = Clock()
        for _ in range(repeats):
            jax.block_until_ready(program(params, q, k, v, d))
        report(clock.read(repeats))


def generate(
    report: Callable,
    encoding: str,
    width: int,
    layers: int,
    heads: int,
    hidden: int,
    vocabulary: int,
    batch: int,
    prompt: int,
    tokens: int,
) -> None:
    """A turn is a call of `training.generate`, greedy: prompts of `prompt` tokens, `tokens` new ones."""
    from posbench.devices import host

    host.prepare()
    import jax
    import jax.numpy as jnp
    import numpy as np

    from posbench import encodings, positions
    from posbench.models import build
    from posbench.training import generate

    fields = dict(layers=layers, width=width, heads=heads, hidden=hidden)
    model = build.language_model(encodings.build(NAMES.get(encoding, encoding)), vocabulary=vocabulary, **fields)
    example = jnp.zeros((1, 2), jnp.int32)
    params = jax.jit(model.init)(jax.random.key(0), example, jnp.arange(2, dtype=jnp.int32)[None])['params']
    rng, before = np.random.default_rng(0), time.perf_counter()
    prompts = list(rng.integers(0, vocabulary, (batch, prompt)).astype(np.int32))
    given = model, params, positions.build('sequential'), prompts
    generate.generate(*given, tokens=tokens, temperature=0.0)
    report(dict(compile=time.perf_counter() - before))
    while True:
        clock = Clock()
        generate.generate(*given, tokens=tokens, temperature=0.0)
        report(clock.read())
