"""How fast a GPU trains: a decoder beside PyTorch's on the same card, and the mini benchmark beside two cores.

benchmarks/gpu.py asks for both. Processes take turns (benchmarks/peers/turns.py), all of one encoding at a time.
"""

import time
from collections.abc import Callable

from benchmarks.peers import turns
from experiments import mini

LENGTHS, TOKENS = (512, 2048, 8192), 16_384
ENCODINGS = {'none': 'none', 'rope': 'rotary', 'alibi': 'alibi', 't5': 't5'}
MODEL = dict(width=768, layers=4, heads=12, hidden=3072, vocabulary=1024)
# A card is shared by all processes of an encoding.
SHARED = dict(XLA_PYTHON_CLIENT_PREALLOCATE='false')
# Of the mini benchmark: a text, and rows that are made on the device.
CELLS = ('rope@language', 'rope@copy', 'alibi@counting')
TWO_CORES = 2


def of_decoders(deadline: float, say: Callable[[str], None]) -> list[str]:
    """A table: tokens a second of a training step in bfloat16, here and in PyTorch, and the most memory of the card."""
    lines = [
        f'Tokens a second of a training step in bfloat16: {MODEL["layers"]} layers, {MODEL["width"]} wide, '
        f'{TOKENS:,} tokens; PyTorch in eager mode with scaled_dot_product_attention.\n',
        '| encoding | tokens | posbench | PyTorch | posbench is | posbench, MiB | PyTorch, MiB |',
        '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ]
    for name, encoding in ENCODINGS.items():
        if time.monotonic() > deadline:
            lines.append(f'| {name} | | not run: no time was left | | | | |')
            continue
        subjects = []
        for length in LENGTHS:
            size = dict(MODEL, encoding=encoding, length=length, batch=TOKENS // length, steps=3)
            # All logits of a head at once while they are few.
            own = size | dict(dtype='bfloat16', block_size=1024 if length > 1024 else None, devices=1)
            subjects.append(turns.Subject('posbench', 'benchmarks.peers.of_posbench', 'train', own, environment=SHARED))
            subjects.append(turns.Subject('torch', 'benchmarks.peers.of_torch', 'train', size | dict(device='cuda')))
        rows = turns.take(subjects, 3, at_once=len(subjects))
        for length, own, other in zip(LENGTHS, rows[::2], rows[1::2]):
            lines.append(_line(name, length, own, other))
            say(lines[-1])
    return lines


def _line(name: str, length: int, own: dict, other: dict) -> str:
    def rate(row):
        return row.get('problem') or f'{TOKENS / row["seconds"]:,.0f}'

    def memory(row):
        return f'{row["device_mib"]:,.0f}' if 'device_mib' in row else ''

    both = 'seconds' in own and 'seconds' in other
    times = f'{other["seconds"] / own["seconds"]:.2f} times as fast' if both else ''
    return f'| {name} | {length:,} | {rate(own)} | {rate(other)} | {times} | {memory(own)} | {memory(other)} |'


def of_mini(deadline: float, say: Callable[[str], None]) -> list[str]:
    """A table: steps a second of cells of the mini benchmark, all seeds in one program, on the card and two cores."""
    lines = [
        f"The mini benchmark's {mini.SEEDS} seeds in one program: steps a second, each of all seeds.\n",
        '| run | GPU | two cores | the GPU is |',
        '| --- | ---: | ---: | ---: |',
    ]
    runs = {run.name: run for run in mini.runs()}
    for name in CELLS:
        if time.monotonic() > deadline:
            lines.append(f'| {name} | not run: no time was left | | |')
            continue
        given = dict(config=runs[name].config, knobs=runs[name].overrides, steps=20)
        cores = dict(cores=TWO_CORES, environment=dict(JAX_PLATFORMS='cpu'))
        subjects = [
            turns.Subject('GPU', 'benchmarks.peers.job_steps', 'train', given, environment=SHARED),
            turns.Subject('two cores', 'benchmarks.peers.job_steps', 'train', given, **cores),
        ]
        card, host = turns.take(subjects, 2, at_once=2)
        cells = [row.get('problem') or f'{1 / (row["seconds"] * mini.SEEDS):,.1f}' for row in (card, host)]
        both = 'seconds' in card and 'seconds' in host
        times = f'{host["seconds"] / card["seconds"]:.1f} times as fast' if both else ''
        lines.append(f'| {name} | {" | ".join(cells)} | {times} |')
        say(lines[-1])
    return lines
