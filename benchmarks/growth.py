"""How a training step grows: time and memory by length, width, seeds and devices, as a table and a picture.

    python -m benchmarks.growth [--only=length,width,seeds,devices] [--rounds=3] [--tiny] [--write]

A decoder on random tokens, one process a point. Lengths are of one sequence a step, in attention blocks of 256, on one
device; the others are batches of short ones on a device a core, or on as many virtual devices as it says. Memory is the
most that the process had. `--tiny` shows in a minute or two that everything runs; `--write` puts the points that were
measured into benchmarks/growth.json, and what is there into growth.md and growth.png beside it.
"""

import argparse
import datetime
import json
import math
import pathlib
import sys

from benchmarks.peers import turns
from posbench.files import write_atomically
from posbench.report import canvas

FOLDER = pathlib.Path(__file__).parent
ROWS, TABLE, PICTURE = FOLDER / 'growth.json', FOLDER / 'growth.md', FOLDER / 'growth.png'
ENCODINGS = ('none', 'rotary', 'alibi', 'fox')
SMALL = dict(width=128, layers=2, heads=4, hidden=512, vocabulary=256)
USUAL = dict(width=256, layers=4, heads=8, hidden=1024, vocabulary=256, length=256, batch=16)
AXES = {
    'length': 'tokens of the sequence',
    'width': 'channels of the model',
    'seeds': 'seeds in one program',
    'devices': 'virtual devices',
}


def points(axis: str) -> dict[int, dict]:
    """What is measured along an axis, by the number on it: options of `of_posbench.train`."""
    if axis == 'length':
        sizes = (512, 1024, 2048, 4096, 8192, 16_384, 32_768)
        return {size: dict(SMALL, length=size, batch=1, block_size=256, devices=1) for size in sizes}
    if axis == 'width':
        sizes = (64, 128, 256, 512, 1024)
        return {size: dict(USUAL, width=size, heads=size // 32, hidden=4 * size, batch=8) for size in sizes}
    if axis == 'seeds':
        return {size: dict(SMALL, length=128, batch=16, seeds=size) for size in (1, 2, 4, 8, 16)}
    return {size: dict(USUAL, devices=size) for size in (1, 2, 4, 8)}


def measured(axis: str, rounds: int, tiny: bool) -> list[dict]:
    """A row a point and encoding."""
    rows = []
    for at, options in points(axis).items():
        if tiny:
            if at > min(points(axis)):
                continue
            options = options | dict(layers=1, batch=min(2, options['batch']))
        for encoding in ENCODINGS[:1] if tiny else ENCODINGS:
            given = options | dict(encoding=encoding, steps=1 if axis == 'length' else 4)
            subject = turns.Subject(encoding, 'benchmarks.peers.of_posbench', 'train', given)
            (row,) = turns.take([subject], rounds)
            rows.append(dict(axis=axis, at=at, encoding=encoding) | row)
            said = row.get('problem') or f'{row["seconds"] * 1e3:10,.1f} ms {row["peak_mib"]:8,.0f} MiB'
            print(f'{axis:8} {at:6} {encoding:8} {said}', file=sys.stderr, flush=True)
    about = dict(when=datetime.date.today().isoformat(), machine=turns.machine(), of_rounds=rounds)
    return [about | row for row in rows]


def written(rows: list[dict]) -> str:
    """A table an axis."""
    parts = []
    for axis in dict.fromkeys(row['axis'] for row in rows):
        some = [row for row in rows if row['axis'] == axis]
        places = sorted({row['at'] for row in some})
        parts.append(f'## By {AXES[axis]}')
        parts.append(f'{some[0]["when"]}, {some[0]["machine"]}; the median of {some[0]["of_rounds"]} rounds.')
        lines = [
            f'| encoding | | {" | ".join(f"{at:,}" for at in places)} |',
            f'| --- | --- |{" ---: |" * len(places)}',
        ]
        for encoding in dict.fromkeys(row['encoding'] for row in some):
            of_one = {row['at']: row for row in some if row['encoding'] == encoding}
            for what, cell in (
                ('ms a step', lambda row: f'{row["seconds"] * 1e3:,.0f}'),
                ('MiB', lambda row: f'{row["peak_mib"]:,.0f}'),
            ):
                cells = ['' if at not in of_one else of_one[at].get('problem') or cell(of_one[at]) for at in places]
                lines.append(f'| {encoding} | {what} | {" | ".join(cells)} |')
        parts.append('\n'.join(lines))
    return '\n\n'.join(parts) + '\n'


def picture(rows: list[dict], path: pathlib.Path) -> None:
    """Two panels an axis, time and memory, both axes logarithmic."""
    axes = [axis for axis in AXES if any(row['axis'] == axis and 'seconds' in row for row in rows)]
    if not axes:
        return
    with canvas.style():
        subtitle = f'a training step of a small decoder on {rows[0]["machine"].partition(" of ")[0]}; log scales'
        fig = canvas.figure(1.0 + 1.75 * len(axes), 'How cost grows', subtitle)
        panels = canvas.grid(fig, 2 * len(axes), 2, left=0.62, right=0.75, bottom=0.42, gap=(0.72, 0.62), top=0.95)
        for number, panel in enumerate(panels):
            _panel(panel, axes[number // 2], rows, of_memory=number % 2 == 1)
        canvas.save(fig, path)


def _panel(panel, axis: str, rows: list[dict], *, of_memory: bool) -> None:
    some = [row for row in rows if row['axis'] == axis and 'seconds' in row]
    labels = []
    for rank, encoding in enumerate(dict.fromkeys(row['encoding'] for row in some)):
        line = sorted((row['at'], row['peak_mib'] if of_memory else row['seconds']) for row in some
                      if row['encoding'] == encoding)  # fmt: skip
        # Logarithms, so that the axis is linear for whoever places labels at it.
        y = [math.log10(value) for _, value in line]
        look = canvas.look(rank)
        panel.plot([math.log2(at) for at, _ in line], y, marker='o', markersize=3, linewidth=1.4, **look)
        labels.append((y[-1], encoding, look['color']))
    places = sorted({row['at'] for row in some})
    panel.set_xticks([math.log2(at) for at in places], [f'{at // 1024}k' if at >= 1024 else f'{at}' for at in places])
    low, high = panel.get_ylim()
    # Half a decade at least, so that what hardly grows looks like it.
    low, high = min(low, (low + high) / 2 - 0.25), max(high, (low + high) / 2 + 0.25)
    panel.set_ylim(low - 0.1, high + 0.1)
    digits = (1, 2, 5) if high - low < 1.6 else (1,)
    ticks = [power + math.log10(digit) for power in range(math.floor(low), math.ceil(high) + 1) for digit in digits]
    ticks = [tick for tick in ticks if low - 0.1 <= tick <= high + 0.1]
    panel.set_yticks(ticks, [_number(10**tick, of_memory) for tick in ticks])
    panel.set_title('memory, MiB' if of_memory else 'time of a step', loc='left', fontsize=9, fontweight='bold')
    panel.set_xlabel(AXES[axis])
    panel.tick_params(labelsize=7.5, pad=2)
    panel.xaxis.label.set_size(8)
    if of_memory:
        canvas.label_lines(panel, labels, size=8)


def _number(value: float, of_memory: bool) -> str:
    if of_memory:
        return f'{value:,.0f}'
    return f'{value:,.0f} s' if value >= 0.99 else f'{value * 1e3:,.4g} ms'


def main() -> None:
    """Measures, prints, and writes where asked to."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.growth', description=__doc__.splitlines()[0])
    parser.add_argument('--only', default=','.join(AXES))
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--tiny', action='store_true')
    parser.add_argument('--write', action='store_true')
    flags = parser.parse_args()
    only = flags.only.split(',')
    if unknown := set(only) - set(AXES):
        parser.error(f'--only: got {", ".join(sorted(unknown))}, wanted some of {", ".join(AXES)}')
    if flags.write and flags.tiny:
        parser.error('--write: got it with --tiny, wanted points at their size')
    rows = [row for axis in only for row in measured(axis, flags.rounds, flags.tiny)]
    print(written(rows))
    if flags.write:
        kept = json.loads(ROWS.read_text('utf-8')) if ROWS.exists() else []
        rows = [row for row in kept if row['axis'] not in only] + rows
        write_atomically(ROWS, (json.dumps(rows, indent=1) + '\n').encode())
        head = '# How cost grows\n\nWritten by `python -m benchmarks.growth --write`.\n\n![](growth.png)\n\n'
        write_atomically(TABLE, (head + written(rows)).encode())
        picture(rows, PICTURE)


if __name__ == '__main__':
    main()
