"""A metric by position in the longest sequence: where an encoding stops working, token by token."""

import dataclasses
import math
from collections.abc import Iterable

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from posbench.report import canvas, curves, statistics
from posbench.report.boards import AT_POSITION, Board
from posbench.report.statistics import Summary
from posbench.report.task import Metric

# Seeds read the same text, so that their mean does not smooth it: a point needs many tokens, not many seeds.
POINT_TOKENS = 1024


@dataclasses.dataclass(frozen=True)
class Bin:
    """Means on tokens number (start, end] of the sequence; `tokens` of each seed, None if unknown."""

    start: int
    end: int
    means: dict[int | None, float]
    tokens: int | None

    @property
    def middle(self) -> float:
        return (self.start + 1 + self.end) / 2

    @property
    def summary(self) -> Summary:
        return statistics.summarize(list(self.means.values()))


def bins(board: Board, run: str, metric: str) -> list[Bin]:
    """The bins of the rows, ascending: the row of length k is about (previous k, k]."""
    found, start = [], 0
    for end in board.positions(run, metric):
        rows = board.cell(run, metric + AT_POSITION, end)
        known = [row.examples for row in rows if row.examples is not None]
        found.append(Bin(start, end, {row.seed: row.value for row in rows}, min(known) if known else None))
        start = end
    return found


def points(raw: list[Bin], train_length: int | None) -> list[Bin]:
    """Neighbouring bins joined until each has POINT_TOKENS, never across the training length."""
    joined: list[list[Bin]] = []
    for item in raw:
        fresh = not joined or _enough(joined[-1]) or joined[-1][-1].end == train_length
        if fresh:
            joined.append([item])
        else:
            joined[-1].append(item)
    # What is left over before the border and at the end has too few tokens for a point of its own.
    merged: list[list[Bin]] = []
    for group in joined:
        if merged and not _enough(group) and merged[-1][-1].end != train_length:
            merged[-1] += group
        else:
            merged.append(group)
    return [_join(group) for group in merged]


def figure(board: Board, metric: Metric, title: str) -> Figure | None:
    """One line a run, and a dot for the first unseen token if it has enough examples; None where no run has rows."""
    raw = {run: found for run in board.runs if (found := bins(board, run, metric.name))}
    if not raw:
        return None
    drawn = {run: points(found, board.train_length) for run, found in raw.items()}
    lines = {run: {item.middle: item.summary for item in found} for run, found in drawn.items()}
    reference = _chance(board, metric, raw)
    near = curves.near(lines, reference)
    top = curves.ceiling(lines, reference, near, lower=metric.lower)
    labels = [curves.end_label(run, line, canvas.look(i)['color'], top) for i, (run, line) in enumerate(lines.items())]
    known = [y for line in lines.values() for y in curves.finite(line)]
    low = min(known + ([] if metric.lower else list(near.values())), default=0.0)
    labels += curves.reference_labels(reference, top, low)

    fig = canvas.figure(curves.height(len(labels)), title, f'{metric.phrase}; position in the longest sequence →')
    ax = canvas.panel(fig, right=canvas.label_space([text for _, text, _ in labels]), top=0.82, bottom=0.36)
    for y in near.values():
        ax.axhline(y, color=canvas.FAINT, linewidth=1.1, linestyle=(0, (1, 1.5)), zorder=1)
    for i, (run, found) in enumerate(drawn.items()):
        if len(drawn) == 1:
            y = [item.summary.mean for item in raw[run]]
            ax.plot([item.middle for item in raw[run]], y, color=canvas.look(i)['color'], alpha=0.25, linewidth=0.8)
        _draw(ax, found, canvas.look(i), board.train_length)
    ax.set_xlim(0, max(found[-1].end for found in raw.values()))
    ax.xaxis.set_major_formatter(lambda position, _: f'{position:,.0f}')
    if len(raw) == 1:
        values = [item.summary.mean for item in raw[board.runs[0]] if math.isfinite(item.summary.mean)]
        low, top = min([low, *values]), max([top, *values])
    top = top if top > low else low + max(0.05 * abs(low), 0.01)
    ax.set_ylim(low - 0.06 * (top - low), top)
    canvas.mark_training(ax, board.train_length and board.train_length + 0.5)
    canvas.label_lines(ax, labels)
    return fig


def _chance(board: Board, metric: Metric, runs: Iterable[str]) -> dict[str, float]:
    """The mean of what the rows say of chance, by its name; empty where they say nothing."""
    name = metric.name + AT_POSITION
    found = [board.chance(run, name, n) for run in runs for n in board.positions(run, metric.name)]
    known = [chance for chance in found if chance is not None]
    return {board.guess or 'chance': sum(known) / len(known)} if known else {}


def _enough(group: list[Bin]) -> bool:
    return any(item.tokens is None for item in group) or sum(item.tokens for item in group) >= POINT_TOKENS


def _join(group: list[Bin]) -> Bin:
    if len(group) == 1:
        return group[0]
    seeds = [seed for seed in group[0].means if all(seed in item.means for item in group)]
    tokens = sum(item.tokens for item in group)
    means = {seed: sum(item.means[seed] * item.tokens for item in group) / tokens for seed in seeds}
    return Bin(group[0].start, group[-1].end, means, tokens)


def _draw(ax: Axes, found: list[Bin], look: dict, train_length: int | None) -> None:
    dots = [item for item in found if item.start == train_length and item.end == item.start + 1]
    line = [item for item in found if item not in dots]
    ax.plot(
        [item.middle for item in line], [item.summary.mean for item in line], zorder=3, **{**look, 'linewidth': 1.7}
    )
    banded = [(item.middle, item.summary.low, item.summary.high) for item in line if item.summary.low is not None]
    if banded:
        ax.fill_between(*zip(*banded), color=look['color'], alpha=0.16, linewidth=0, zorder=2)
    for item in dots:
        ax.plot(item.middle, item.summary.mean, 'o', color=look['color'], markersize=4.5, markeredgecolor='white',
                markeredgewidth=0.7, zorder=5)  # fmt: skip
