"""A model of a billion parameters at 8,192 tokens on pods that are not here: what libtpu's compiler says of it.

    python -m benchmarks.pods [--write] [--topology=v5e:16x16] [--config.KNOB=VALUE ...] [ENCODING ...]

The runs are those of experiments/billion.py. For each topology and encoding the meshes are tried in their order, up to
the first in which training and every evaluation shape fit; what does not fit is a row that says what was asked for. It
needs requirements-tpu.txt, no TPU, and minutes a program. `--write` puts the table into benchmarks/pods.md.
"""

import argparse
import contextlib
import pathlib
from importlib import metadata

from posbench.devices import host, topology
from posbench.runs import ahead

ROOT = pathlib.Path(__file__).parents[1]
TABLE = ROOT / 'benchmarks' / 'pods.md'
TOPOLOGIES = ('v5e:16x16', 'v5p:4x4x4')
HEAD = (
    'topology',
    'encoding',
    'mesh',
    'program',
    'GiB a chip',
    'collectives a chip',
    'TFLOP a chip',
    'seconds',
    'of peak',
)


def rows_of(name: str, tried, machine: topology.Machine) -> list[tuple[str, ...]]:
    """A row for each program of the mesh that fits, and one for each mesh that does not."""
    found = []
    for one in tried:
        if one.error:
            found.append((machine.name, name, ahead.mesh_of(one), f'does not compile: {one.error}', '', '', '', '', ''))
        for program, cost in one.costs.items():
            if one.fits or not cost.fits(machine):
                found.append((machine.name, name, ahead.mesh_of(one), program, *_cells(cost, machine)))
    return found


def _cells(cost, machine: topology.Machine) -> tuple[str, ...]:
    exchanged = ', '.join(f'{one.count} {kind}, {one.bytes / 2**30:.2f} GiB' for kind, one in cost.collectives.items())
    operations = f'{cost.flops / 1e12:.3g}'
    if not cost.fits(machine):
        asked = f'{cost.memory / 2**30:.1f}' if cost.memory else 'more'
        return f'does not fit: {asked} of {machine.limit / 2**30:.2f}', exchanged, operations, '', ''
    peak = cost.flops / cost.seconds / machine.chip.flops
    seconds = f'{cost.seconds:.3g}, {cost.exchange:.2g} of it exchange' if cost.exchange else f'{cost.seconds:.3g}'
    return f'{cost.memory / 2**30:.2f} of {machine.limit / 2**30:.2f}', exchanged, operations, seconds, f'{peak:.0%}'


def written(rows: list[tuple[str, ...]], sizes: list[str]) -> str:
    """The table as Markdown, with what it is of."""
    lines = [
        f'Written by `python -m benchmarks.pods --write` with jax {metadata.version("jax")}, libtpu '
        f'{metadata.version("libtpu")}, and no TPU: compiled, never run.',
        '',
        'The runs of experiments/billion.py. A chip has what the compiler lets a program have of its memory. '
        'Collectives are those of one step, with the bytes that a chip then holds. TFLOP are those of products, '
        "recomputed ones included. Seconds of a step, or of a batch that is scored, are libtpu's estimated cycles at "
        "the chip's clock, and the collectives at the speed of its links as if nothing were done meanwhile.",
        '',
        *sizes,
        '',
        f'| {" | ".join(HEAD)} |',
        f'| {" | ".join(["---"] * 4 + ["---:"] * 5)} |',
        *(f'| {" | ".join(row)} |' for row in rows),
        '',
    ]
    return '\n'.join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('encodings', nargs='*')
    parser.add_argument('--topology', action='append')
    parser.add_argument('--write', action='store_true')
    flags, rest = parser.parse_known_args()
    changed = dict(one.removeprefix('--config.').split('=', 1) for one in rest)
    host.prepare()
    topologies = flags.topology or TOPOLOGIES
    for name in topologies:
        topology.check(name)
    topology.prepare()

    from posbench.knobs import schema
    from posbench.runs import experiment

    rows, sizes = [], []
    for name in topologies:
        machine = topology.named(name)
        for one in experiment.load(ROOT / 'experiments' / 'billion.py').runs:
            if flags.encodings and one.name not in flags.encodings:
                continue
            with contextlib.chdir(ROOT):
                config = schema.load(one.config, one.overrides | changed)
            job = ahead.build(config, one.name, machine)
            if name == topologies[0]:
                total, own = job.parameter_counts()
                sizes.append(f'{one.name}: {total:,} parameters, {own:,} of them of the encoding.')
            print(f'{one.name} for {ahead.about(machine)}', flush=True)
            tried = ahead.fit(job, config, machine, lambda line: print(line, flush=True))
            rows += rows_of(one.name, tried, machine)
    text = written(rows, sizes)
    print(text)
    if flags.write:
        TABLE.write_text(text, 'utf-8')


if __name__ == '__main__':
    main()
