"""Where the time of the main job's training step goes: seconds to the first step, tokens a second, costs by kind.

    python -m benchmarks.profile_step [--config=configs/rope.py] [--steps=8]

XLA's own trace of some steps, summed over the devices; an operation counts as what the source line behind it does.
"""

import argparse
import collections
import gzip
import json
import pathlib
import re
import tempfile
import time

BEGUN = time.perf_counter()

from posbench.devices import host  # noqa: E402 (the clock starts before any import, and jax comes after host.prepare)

# The first pattern found in the name that jax gave an operation, or in the operation itself.
KINDS = {
    'waiting for the other device': r'all-reduce|Rendezvous',
    'products of dense layers and logits': r'product-2d|BLD,VD|(query|key|value|out|up|down)/.*dot_general',
    'products of attention': r'product-[3-9]d|BLHK,BMHK|BHLM,BMHK',
    'softmax and mask': r'_attention/(sub|exp|reduce|jit\(_where\)|stop_gradient|max|div|select)',
    'rotation': r'_attention/.*(concatenate|split|cos|sin)|_attention/(mul|add|neg)',
    'loss': r'cross_entropy|log_softmax|logsumexp|vmap\(jvp\(\)\)/|transpose\(jvp\(\)\)/',
    'activation': r'tanh|gelu|_feed_forward/',
    'norms and residuals': r'norm|_after/|reduce',
    'optimizer': r'adam|scale_by|clip|update|norm',
    'batch': r'gather|randint|threefry|sample',
}


def source_names(program: str) -> dict[str, str]:
    """What jax called each instruction of a compiled program; of a fusion, the first product in it or else its root."""
    inside, names, calls, computation = {}, {}, {}, ''
    for line in program.splitlines():
        if header := re.match(r'(?:ENTRY )?%?([\w.-]+) \(.*\{$', line):
            computation = header[1]
        elif found := re.match(r'\s+(ROOT )?%?([\w.-]+) = \w+\[([\d,]*)\]\S* ([\w-]+)\(', line):
            is_root, name, shape, operation = found.groups()
            source = re.search(r'op_name="([^"]*)"', line)
            source = source[1] if source else ''
            if operation == 'dot':
                # XLA drops the name of most products; those of attention still have the batch and the heads as axes.
                inside[computation] = source or f'product-{shape.count(",") + 1}d'
            elif is_root and 'product' not in inside.get(computation, ''):
                inside[computation] = source or operation
            if called := re.search(r'(?:calls|to_apply)=%?([\w.-]+)', line):
                calls[name] = called[1]
            if operation not in ('while', 'conditional', 'call', 'parameter', 'tuple', 'get-tuple-element'):
                names[name] = f'{source} {operation}'
    return {name: f'{inside.get(calls.get(name), "")} {text}' for name, text in names.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--config', default='configs/rope.py')
    parser.add_argument('--steps', type=int, default=8)
    flags = parser.parse_args()
    host.prepare()

    import jax
    import jax.numpy as jnp

    from posbench.devices import parallel
    from posbench.knobs import schema
    from posbench.training import job

    one = job.from_config(schema.load(flags.config), pathlib.Path(flags.config).stem)
    steps = one.compiled_steps
    state = parallel.place_state(one.init_state(), one.layout)
    source = one.device_feed()
    before = time.perf_counter()
    program = steps.lower(state, source, jnp.int32(1)).compile()
    compile_seconds = time.perf_counter() - before
    state, _ = jax.block_until_ready(program(state, source, jnp.int32(1)))
    print(f'first step {time.perf_counter() - BEGUN:.1f} s after the start, {compile_seconds:.1f} s of it compiling')

    before = time.perf_counter()
    state, _ = jax.block_until_ready(program(state, source, jnp.int32(flags.steps)))
    seconds = (time.perf_counter() - before) / flags.steps
    tokens = one.schedule.batch_size * one.schedule.length * len(one.seeds)
    print(f'{seconds * 1e3:.0f} ms a step, {tokens / seconds:,.0f} tokens/s')

    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder, create_perfetto_trace=True):
            jax.block_until_ready(program(state, source, jnp.int32(flags.steps)))
        (trace,) = pathlib.Path(folder).rglob('perfetto_trace.json.gz')
        events = json.loads(gzip.decompress(trace.read_bytes()))['traceEvents']
    names = source_names(program.as_text())
    by_kind = collections.Counter()
    for event in events:
        name = event.get('name', '')
        if event.get('ph') == 'X' and name in names:
            kind = next((kind for kind, pattern in KINDS.items() if re.search(pattern, names[name])), 'other')
            by_kind[kind] += event['dur'] / 1e3 / flags.steps
    total = sum(by_kind.values())
    for kind, milliseconds in by_kind.most_common():
        print(f'{milliseconds:8.1f} ms of all devices a step  {milliseconds / total:4.0%}  {kind}')


if __name__ == '__main__':
    main()
