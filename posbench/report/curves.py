"""Figures of curves: quality by length, and by step. One run or many, the same drawing."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from posbench.report import canvas, numbers, statistics
from posbench.report.boards import Board
from posbench.report.folder import Run
from posbench.report.task import Metric


def lengths(board: Board, title: str) -> Figure:
    """The deciding metric by test length. One run: a line a protocol; several: a line a run, by the main protocol."""
    task, several = board.task, len(board.task.protocols) > 1
    lines = {run: (run, task.row(task.main)) for run in board.runs}
    if len(board.runs) == 1 and several:
        lines = {known.label: (board.runs[0], task.row(protocol)) for protocol, known in task.protocols.items()}
    curves = {label: _curve(board, *line) for label, line in lines.items()}
    curves = {label: curve for label, curve in curves.items() if curve}
    guesses = (
        {} if board.guess else next((c for run in board.runs if (c := board.chances(run, task.row(task.main)))), {})
    )
    which = f', {task.protocols[task.main].label}' if len(board.runs) > 1 and several else ''
    unit = f' in {task.length_unit}' if task.length_unit else ''
    subtitle = f'{board.metric.phrase}{which}, {_direction(board.metric)}; test length{unit} →'
    fig, ax = _frame(board, curves, guesses, title, subtitle)
    _length_axis(ax, board)
    canvas.mark_training(ax, board.train_length)
    return fig


def progress(board: Board, runs: Sequence[Run], title: str) -> Figure | None:
    """The deciding metric on validation data by step, a line a run, mean over seeds; None where nobody logged it."""
    curves = {}
    for run in runs:
        by_step: dict[int, list[float]] = {}
        for steps, values in run.series('validation', board.metric.name).values():
            for step, value in zip(steps, values):
                by_step.setdefault(step, []).append(value)
        if by_step:
            curves[run.name] = {step: statistics.summarize(by_step[step]) for step in sorted(by_step)}
    if not curves:
        return None
    found = (board.chance(run, board.task.row(board.task.main), board.train_length) for run in board.runs)
    guess = next((chance for chance in found if chance is not None), None)
    steps = sorted({step for curve in curves.values() for step in curve})
    guesses = {} if board.guess or guess is None else dict.fromkeys(steps, guess)
    subtitle = f'{board.metric.phrase} at the training length, {_direction(board.metric)}; step →'
    fig, ax = _frame(board, curves, guesses, title, subtitle)
    ax.set_xlim(0, steps[-1] * 1.02)
    ax.xaxis.set_major_formatter(lambda step, _: f'{step:,.0f}')
    return fig


def _frame(board: Board, curves: dict[str, dict], guesses: dict[int, float], title: str, subtitle: str):
    """Figure and axes with the curves, the reference models, and what chance gives at each x."""
    reference = {name: values[-1] for name, values in board.baselines.items()}
    if guesses:
        reference['chance'] = list(guesses.values())[-1]
    drawn = near(curves, reference)
    top = ceiling(curves, reference, drawn, lower=board.metric.lower)
    known = [y for curve in curves.values() for y in finite(curve)] + list(drawn.values())
    low = min(known, default=0.0)
    # One value alone has no height of its own.
    top = top if top > low else low + max(0.05 * abs(low), 0.01)
    labels = [end_label(label, curve, canvas.look(i)['color'], top) for i, (label, curve) in enumerate(curves.items())]
    labels += reference_labels(reference, top, low)

    fig = canvas.figure(height(len(labels)), title, subtitle)
    ax = canvas.panel(fig, right=canvas.label_space([text for _, text, _ in labels]), top=0.82, bottom=0.36)
    dots = {'color': canvas.FAINT, 'linewidth': 1.1, 'linestyle': (0, (1, 1.5)), 'zorder': 1}
    for name, y in drawn.items():
        if name == 'chance' and len(set(guesses.values())) > 1:
            ax.plot(list(guesses), list(guesses.values()), **dots)
        else:
            ax.axhline(y, **dots)
    for i, curve in enumerate(curves.values()):
        _draw(ax, curve, canvas.look(i), marker='o' if len(curves) < 8 else None)
    ax.set_ylim(low - 0.06 * (top - low), top)
    canvas.label_lines(ax, labels)
    return fig, ax


def learning(runs: Sequence[Run], title: str) -> Figure | None:
    """Training and validation loss of one task by step: a panel a run, every seed a line."""
    runs = [run for run in runs if run.series('train', 'loss') or run.series('validation', 'loss')]
    if not runs:
        return None
    dots = '; dots: validation' if any(run.series('validation', 'loss') for run in runs) else ''
    subtitle = f'{runs[0].loss.unit} by step; lines: training, one a seed{dots}'
    if len(runs) == 1:
        fig = canvas.figure(3.3, title, subtitle)
        axes = [canvas.panel(fig, right=0.35, bottom=0.36, top=0.62)]
    else:
        columns = 2 if len(runs) <= 4 else 3
        lines = math.ceil(len(runs) / columns)
        fig = canvas.figure(1.15 + lines * 1.6, title, subtitle)
        axes = canvas.grid(fig, len(runs), columns, right=0.24, bottom=0.3, top=0.85, gap=(0.34, 0.34))
    seen = []
    for ax, run in zip(axes, runs):
        seen += _learn(ax, run)
        if len(runs) > 1:
            ax.set_title(canvas.name(run.name, 20), loc='left', fontsize=9, fontweight='bold', pad=4)
            ax.locator_params(axis='x', nbins=3)
    if seen:
        # All of every curve, the fall of the first steps included: small differences stand in the tables.
        low, high = min(seen), max(seen)
        for ax in axes:
            ax.set_ylim(low - 0.05 * (high - low) - 1e-9, high + 0.05 * (high - low) + 1e-9)
            ax.set_xlim(left=0)
            ax.xaxis.set_major_formatter(lambda step, _: f'{step:,.0f}')
    if len(runs) > 1:
        for i, ax in enumerate(axes):
            # Under a panel only where no other panel follows below.
            ax.tick_params(labelleft=i % columns == 0, labelbottom=i + columns >= len(runs))
    return fig


def smooth(values: Sequence[float], reach: int = 2) -> list[float]:
    """Mean over up to `reach` neighbours on both sides, as many on one as on the other: no lag where the loss falls.

    NaN stays NaN, and does not spread to its neighbours.
    """
    value_N = np.asarray(values, np.float64)
    out = []
    for i, value in enumerate(value_N):
        side = min(reach, i, len(value_N) - 1 - i)
        near = value_N[i - side : i + side + 1]
        out.append(float(near[np.isfinite(near)].mean()) if math.isfinite(value) else float(value))
    return out


def _learn(ax: Axes, run: Run) -> list[float]:
    train, validation = run.series('train', 'loss'), run.series('validation', 'loss')
    seeds = list(dict.fromkeys([*train, *validation]))
    finite = []
    for i, seed in enumerate(seeds):
        shade = _shade(canvas.PALETTE[0], 0.55 * i / max(1, len(seeds) - 1))
        if seed in train:
            steps, values = train[seed]
            ax.plot(steps, values, color=shade, alpha=0.22, linewidth=0.8)
            ax.plot(steps, smooth(values), color=shade, linewidth=1.5)
            finite += [value for value in values if math.isfinite(value)]
        if seed in validation:
            steps, values = validation[seed]
            ax.plot(steps, values, 'o', color=canvas.PALETTE[1], markersize=3.4, markeredgecolor='white',
                    markeredgewidth=0.5, zorder=4)  # fmt: skip
            finite += [value for value in values if math.isfinite(value)]
    return finite


def _direction(metric: Metric) -> str:
    return f'{metric.better} is better'


def _shade(color: str, white: float) -> tuple[float, ...]:
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return tuple(part + (1 - part) * white for part in (red, green, blue))


def _curve(board: Board, run: str, metric: str) -> dict:
    return {n: summary for n in board.lengths if (summary := board.summary(run, metric, n))}


def finite(curve: dict) -> list[float]:
    """The means of a curve that are numbers."""
    return [summary.mean for summary in curve.values() if math.isfinite(summary.mean)]


def near(curves: dict, reference: dict[str, float]) -> dict[str, float]:
    """The reference models that leave the curves at least half of the axis; the others are only named."""
    known = [y for curve in curves.values() for y in finite(curve)]
    if not known:
        return reference
    low, high = min(known), max(known)
    room = max(high - low, 0.1 * abs(low))
    return {name: y for name, y in reference.items() if low - room / 2 <= y <= high + room / 2}


def ceiling(curves: dict, reference: dict[str, float], drawn: dict[str, float], *, lower: bool = True) -> float:
    """Top of the axis. Where lower is better, what is far above chance is useless, and would press the rest flat."""
    known = [y for curve in curves.values() for y in finite(curve)] + list(drawn.values())
    if not known:
        return 1.0
    limit = max(reference.values()) * 1.12 if reference and lower else max(known)
    return max(min(max(known), limit), min(known) * 1.02) + 0.03 * (max(known) - min(known) > 0)


def reference_labels(reference: dict[str, float], top: float, low: float = -math.inf) -> list[tuple[float, str, str]]:
    """Where and how the names of reference models stand; an arrow where one lies above or below the axis."""
    arrows = {name: ' ↑' if y > top else ' ↓' if y < low else '' for name, y in reference.items()}
    return [(y, f'{name} {y:.2f}{arrows[name]}', canvas.QUIET) for name, y in reference.items()]


def end_label(label: str, curve: dict, color: str, top: float) -> tuple[float, str, str]:
    """Where and how the label at the end of a curve stands."""
    y = list(curve.values())[-1].mean
    text = canvas.name(label, 22)
    if not math.isfinite(y):
        return math.inf, f'{text} {y}', color
    return y, f'{text} {numbers.number(y, 2)}{" ↑" if y > top else ""}', color


def _draw(ax: Axes, curve: dict, look: dict, marker: str | None) -> None:
    x = list(curve)
    y = [s.mean for s in curve.values()]
    ax.plot(x, y, marker=marker, markersize=4, markeredgewidth=0, zorder=3, **look)
    lost = next((i for i, value in enumerate(y) if not math.isfinite(value)), 0)
    if lost:
        # The last length that still has a number.
        ax.plot(x[lost - 1], y[lost - 1], 'X', color=look['color'], markersize=7, markeredgecolor='white', zorder=6)
    banded = [(n, s.low, s.high) for n, s in curve.items() if s.low is not None]
    if banded:
        ax.fill_between(*zip(*banded), color=look['color'], alpha=0.16, linewidth=0, zorder=2)


def _length_axis(ax: Axes, board: Board) -> None:
    ticks = [n for n in board.lengths if board.train_length is None or n != board.train_length + 1]
    ax.set_xscale('log', base=2)
    ax.set_xticks(ticks, [f'{n:,}' for n in ticks])
    ax.set_xticks([], minor=True)
    ax.set_xlim(board.lengths[0] / 1.12, board.lengths[-1] * 1.03)


def height(labels: int) -> float:
    """Inches: room for every label beside its line."""
    return max(3.4, 1.5 + labels * 0.19)
