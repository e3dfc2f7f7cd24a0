"""What a mesh costs and saves: time of a step and memory of a device, on 1 to 8 virtual devices, by how they are used.

    python -m benchmarks.meshes [--devices=1,2,4,8] [--rounds=3] [--write] [--config.path.to.knob=value ...]

The run of configs/rope.py in a process for each number of devices. Ways to train: replicas under jit and under pmap,
parameters split as well (FSDP), and split heads and hidden channels. One way to score: devices that share each
sequence, of 8 times the training length, in blocks of half the training length. Memory is the compiler's own figure
(`memory_analysis`): what a device is given, above all parameters and the optimizer's averages, and what it needs
besides. Time is the best of some calls; on a CPU no more can be won than there are cores. `--write` puts the table and
a picture beside this file.
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[1]
TABLE, PICTURE = (pathlib.Path(__file__).with_suffix(suffix) for suffix in ('.md', '.png'))
LONGER = 8
WAYS = {
    'replicas, jit': {},
    'replicas, pmap': {'parallel': 'pmap'},
    'parameters split (FSDP)': {'mesh.shard_parameters': 'true'},
    'heads and channels split': {'mesh.data': '1', 'mesh.model': '{count}'},
    'scoring, a sequence shared': {'mesh.data': '1', 'mesh.sequence': '{count}'},
}


def measured(way: str, count: int, rounds: int, given: dict[str, str]) -> dict:
    """One row; in a process that has so many devices."""
    import jax.numpy as jnp

    from posbench.devices import parallel
    from posbench.knobs import schema
    from posbench.training import job

    changes = given | {knob: value.format(count=count) for knob, value in WAYS[way].items()}
    scores = way.startswith('scoring')
    if scores:
        length = int(changes.get('train.length', 128))
        changes |= {'evaluate.multiples': str(LONGER), 'model.block_size': str(length // 2), 'train.batch_size': '16'}
    one = job.from_config(schema.load(ROOT / 'configs' / 'rope.py', changes), 'rope')
    state = parallel.place_state(one.init_state(), one.layout)
    if scores:
        compiled, arguments = _scoring(one, state)

        def call():
            compiled(*arguments)['nats_L'].block_until_ready()
    else:
        feed, steps = one.device_feed(), jnp.int32(2)
        compiled = one.compiled_steps.lower(state, feed, steps).compile()
        holder = [state]

        def call():
            holder[0], metrics = compiled(holder[0], feed, steps)
            metrics['loss'].block_until_ready()

    call()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    memory = compiled.memory_analysis()
    return dict(
        way=way,
        devices=count,
        given=memory.argument_size_in_bytes,
        besides=memory.temp_size_in_bytes,
        seconds=min(times) / (1 if scores else 2),
    )


def _scoring(one, state):
    """The program that scores a batch of long sequences, and its arguments."""
    import jax.numpy as jnp

    from posbench.training import evaluate

    evaluator, length = one.evaluator, one.plan.scored(one.schedule.length)[-1]
    _, batch = next(iter(one.task.held_out('validation', length, evaluator.budget)))
    seeds = jnp.asarray(one.seeds, jnp.int32)
    arguments = (evaluator._placed, state.params, state.frozen, seeds, evaluator._on_devices(batch), jnp.int32(0))
    lowered = evaluate._sums.lower(evaluator._model, evaluator.position_map, *arguments)
    return lowered.compile(), arguments


def table(rows: list[dict]) -> str:
    """By way, a line for each figure; by number of devices, a column."""
    counts = sorted({row['devices'] for row in rows})
    lines = [f'| on a device | | {" | ".join(map(str, counts))} |', f'| --- | --- |{" ---: |" * len(counts)}']
    for way in dict.fromkeys(row['way'] for row in rows):
        of_way = {row['devices']: row for row in rows if row['way'] == way}
        for title, figure in (
            ('MiB given', lambda row: f'{row["given"] / 2**20:,.1f}'),
            ('MiB besides', lambda row: f'{row["besides"] / 2**20:,.1f}'),
            ('ms', lambda row: f'{row["seconds"] * 1e3:,.0f}'),
        ):
            cells = [figure(of_way[count]) if count in of_way else '' for count in counts]
            lines.append(f'| {way} | {title} | {" | ".join(cells)} |')
    return '\n'.join(lines) + '\n'


def picture(rows: list[dict], path: pathlib.Path) -> None:
    """Memory and time by the number of devices, both on log scales."""
    from posbench.report import canvas

    with canvas.style():
        fig = canvas.figure(3.2, 'What a mesh saves', 'memory of a device and time of a step, by devices; log scales')
        panels = canvas.grid(fig, 2, 2, left=0.62, right=1.4, bottom=0.42, gap=(1.6, 0.62), top=0.95)
        for panel, title, figure in (
            (panels[0], 'MiB', lambda row: (row['given'] + row['besides']) / 2**20),
            (panels[1], 'seconds', lambda row: row['seconds']),
        ):
            for rank, way in enumerate(dict.fromkeys(row['way'] for row in rows)):
                line = sorted((row['devices'], figure(row)) for row in rows if row['way'] == way)
                panel.plot(
                    [math.log2(at) for at, _ in line], [y for _, y in line], marker='o', label=way, **canvas.look(rank)
                )
            counts = sorted({row['devices'] for row in rows})
            panel.set_yscale('log')
            panel.set_xticks([math.log2(count) for count in counts], [str(count) for count in counts])
            panel.set_xlabel('virtual devices')
            panel.set_ylabel(title)
        panels[1].legend(fontsize=6, frameon=False)
        canvas.save(fig, path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--devices', default='1,2,4,8')
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--write', action='store_true')
    parser.add_argument('--one', help=argparse.SUPPRESS)
    flags, others = parser.parse_known_args()
    given = dict(argument.removeprefix('--config.').split('=', 1) for argument in others)
    if flags.one is not None:
        from posbench.devices import host

        host.prepare(int(flags.devices))
        print(json.dumps(measured(flags.one, int(flags.devices), flags.rounds, given)))
        return
    rows = []
    for count in map(int, flags.devices.split(',')):
        for way in WAYS:
            options = [f'--one={way}', f'--devices={count}', f'--rounds={flags.rounds}', *others]
            done = subprocess.run(
                [sys.executable, '-m', 'benchmarks.meshes', *options], cwd=ROOT, capture_output=True, encoding='utf-8'
            )
            if done.returncode:
                print(f'{way} on {count}: {done.stderr.strip().splitlines()[-1]}', file=sys.stderr, flush=True)
                continue
            rows.append(json.loads(done.stdout.splitlines()[-1]))
            print(rows[-1], file=sys.stderr, flush=True)
    print(table(rows))
    if flags.write:
        TABLE.write_text(f'Written by `python -m benchmarks.meshes --write`.\n\n{table(rows)}', 'utf-8')
        picture(rows, PICTURE)


if __name__ == '__main__':
    main()
