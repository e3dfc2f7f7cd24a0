"""Matrices of a task, such as what was said of which class: a heat map with its numbers in the cells."""

import numpy as np
from matplotlib.figure import Figure

from posbench.report import canvas, fonts, texts
from posbench.report.numbers import number

# Inches: a cell at its largest, and the smallest that still holds a number.
LARGE, SMALL = 0.62, 0.24
# Sine and cosine of 45 degrees.
LEAN = 0.71
_COLOURS = 'Blues'


def figure(item: dict, title: str) -> Figure:
    """One matrix, rows down and columns to the right, as kinds.check_figure wants it."""
    rows, columns = item['rows'], item['columns']
    value_RC = np.array(item['values'], dtype=np.float64)
    shade_RC, says = (np.nan_to_num(value_RC), 'shade: from 0 to 1') if item.get('share') else _shades(value_RC)
    row_names, column_names = ([canvas.name(name, 22) for name in names] for names in (rows, columns))
    left, longest = 0.36 + _inches(row_names), _inches(column_names)
    room = canvas.WIDTH - left - 0.15
    side, above = min(LARGE, room / len(columns)), 0.4
    turned = longest > side
    if turned:
        # Names that are wider than their column lean to the right, the last one beyond its column.
        side = min(LARGE, (room - LEAN * longest) / (len(columns) - 0.5))
        above = 0.26 + LEAN * longest
    head, body = 0.62, side * len(rows)
    fig = canvas.figure(head + above + body + 0.12, title, says)
    width, height = fig.get_size_inches()
    ax = fig.add_axes((left / width, 0.12 / height, side * len(columns) / width, body / height))
    ax.imshow(shade_RC, cmap=_COLOURS, vmin=0, vmax=1, aspect='auto', interpolation='nearest')
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.xaxis.tick_top()
    ax.tick_params(length=0, labelsize=8.5)
    lean = {'rotation': 45, 'ha': 'left', 'rotation_mode': 'anchor'} if turned else {}
    ax.set_xticks(range(len(columns)), column_names, **lean)
    ax.set_yticks(range(len(rows)), row_names)
    ax.xaxis.set_label_position('top')
    ax.set_xlabel(canvas.short(item.get('column_label', ''), 20), fontsize=9.5, fontweight='bold')
    ax.set_ylabel(canvas.short(item.get('row_label', ''), 20), fontsize=9.5, fontweight='bold')
    if side >= SMALL:
        _write(ax, item['values'], shade_RC, side)
    return fig


def _inches(names: list[str]) -> float:
    """Width of the longest name."""
    return max(map(fonts.cells, names)) * 8.5 * 0.6 / 72


def _shades(value_RC: np.ndarray) -> tuple[np.ndarray, str]:
    """Shades from 0 to 1, and what they say: parts of a row where nothing is negative, so that large rows hide none."""
    known_RC = value_RC[np.isfinite(value_RC)]
    if len(known_RC) and known_RC.min() >= 0:
        total_R1 = np.nansum(value_RC, axis=1, keepdims=True)
        return np.divide(value_RC, total_R1, out=np.zeros_like(value_RC), where=total_R1 > 0), 'shade: part of the row'
    low, high = (float(known_RC.min()), float(known_RC.max())) if len(known_RC) else (0.0, 1.0)
    return (value_RC - low) / max(high - low, 1e-9), f'shade: from {number(low, 2)} to {number(high, 2)}'


def _write(ax, values: list, shade_RC: np.ndarray, side: float) -> None:
    """The number of every cell, dark on light or light on dark, as large as the longest lets it be."""
    written = texts.cells(values)
    longest = max(len(text) for line in written for text in line)
    size = min(9.0, 0.88 * side * 72 / (0.62 * max(longest, 2)))
    for i, line in enumerate(written):
        for j, text in enumerate(line):
            color = 'white' if shade_RC[i, j] > 0.55 else canvas.INK
            ax.text(j, i, text, ha='center', va='center', fontsize=size, color=color)
