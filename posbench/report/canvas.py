"""How every figure looks: one palette, one font, labels beside the lines they name. Draws without pyplot or a display.

Importing this file imports matplotlib, so only the functions that draw do.
"""

import io
import math
import textwrap
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from posbench.files import write_atomically
from posbench.report import fonts

# After Okabe and Ito, Color Universal Design (2008); the light ones darkened so that text in them is readable on white.
PALETTE = ('#0072b2', '#c44e00', '#00795a', '#a8478a', '#8a6500', '#3b3b98', '#2a8fbd')
DASHES = ('-', (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)))
INK, QUIET, FAINT, GRID = '#1d232b', '#5b6570', '#a9b1ba', '#e6e9ec'

WIDTH = 5.2  # inches: at 360 px the text is still 9 px high
DPI = 240  # twice the pixels of a README column

_STYLE = {
    'font.family': fonts.FAMILY,  # comes with matplotlib: the same picture on every machine
    'font.size': 10,
    'text.color': INK,
    'axes.edgecolor': FAINT,
    'axes.labelcolor': QUIET,
    'axes.labelsize': 9.5,
    'axes.linewidth': 0.8,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.spines.left': False,
    'axes.grid': True,
    'axes.grid.axis': 'y',
    'axes.axisbelow': True,
    'grid.color': GRID,
    'grid.linewidth': 0.8,
    'xtick.color': QUIET,
    'ytick.color': QUIET,
    'xtick.labelsize': 9.5,
    'ytick.labelsize': 9.5,
    'xtick.major.size': 3,
    'xtick.minor.size': 0,
    'ytick.major.size': 0,
    'lines.linewidth': 2,
    'lines.solid_capstyle': 'round',
}


def style():
    """A context in which figures are made; the settings of the caller's process stay as they are."""
    # A caller's backend stays: figures here are bound to Agg one by one.
    plain = {name: value for name, value in mpl.rcParamsDefault.items() if not name.startswith('backend')}
    return mpl.rc_context({**plain, **_STYLE})


def figure(height: float, title: str, subtitle: str) -> Figure:
    """An empty figure of `height` inches with its message top left; the subtitle has room for two lines."""
    fig = bare(WIDTH, height)
    fig.text(0.012, 1 - 0.09 / height, short(title, 46), fontsize=12, fontweight='bold', va='top')
    # Two lines of about the same length, so that no single word is left over.
    lines = textwrap.wrap(short(subtitle, 130), 74 if len(subtitle) <= 74 else len(subtitle) // 2 + 8)
    fig.text(0.012, 1 - 0.32 / height, '\n'.join(lines), fontsize=9.5, color=QUIET, va='top')
    return fig


def bare(width: float, height: float) -> Figure:
    """An empty figure of so many inches."""
    fig = Figure(figsize=(width, height), facecolor='white')
    FigureCanvasAgg(fig)
    return fig


def panel(fig: Figure, *, left=0.5, right=0.2, bottom=0.5, top=0.7) -> Axes:
    """One axes with margins in inches."""
    width, height = fig.get_size_inches()
    box = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    return fig.add_axes(box)


def grid(fig: Figure, amount: int, columns: int, *, left=0.42, right=0.12, bottom=0.5, top=0.95, gap=(0.22, 0.42)):
    """`amount` axes in rows of `columns`, margins and gaps in inches, read like text."""
    width, height = fig.get_size_inches()
    lines = math.ceil(amount / columns)
    w = (width - left - right - gap[0] * (columns - 1)) / columns
    h = (height - top - bottom - gap[1] * (lines - 1)) / lines
    corners = [
        (left + (i % columns) * (w + gap[0]), height - top - h - (i // columns) * (h + gap[1])) for i in range(amount)
    ]
    return [fig.add_axes((x / width, y / height, w / width, h / height)) for x, y in corners]


def save(fig: Figure, path: Path, scale: float = 1.0, colours: int = 256) -> None:
    """The same figure gives the same bytes, without a version or a date; few colours, a third of the size."""
    for text in fig.findobj(Text):
        if not text.get_text().isascii():
            text.set_text(fonts.legible(text.get_text()))
            text.set_fontfamily(fonts.families(text.get_text()))
    fig.set_dpi(DPI * scale)
    fig.canvas.draw()
    image = Image.fromarray(np.asarray(fig.canvas.buffer_rgba())).convert('RGB')
    file = io.BytesIO()
    image.quantize(colours, dither=Image.Dither.NONE).save(file, 'png', optimize=True)
    write_atomically(path, file.getvalue())


def look(rank: int) -> dict:
    """Colour and dashes of the line of that rank; 28 lines can be told apart."""
    return {'color': PALETTE[rank % len(PALETTE)], 'linestyle': DASHES[rank // len(PALETTE) % len(DASHES)]}


def short(text: str, letters: int) -> str:
    """Text for a small space, without what matplotlib reads as mathematics or has no shape of."""
    text = fonts.legible(text)
    while fonts.cells(text) > letters:
        text = text.removesuffix('…')[:-1] + '…'
    return text.replace('$', r'\$')


def name(text: str, letters: int) -> str:
    """A name for a small space; names of variants differ in their ends, so that the middle is left out."""
    text = fonts.legible(text)
    if fonts.cells(text) <= letters:
        return text.replace('$', r'\$')
    head = tail = ''
    for before, after in zip(text, reversed(text)):
        if fonts.cells(head + before + tail) < letters:
            head += before
        if fonts.cells(head + after + tail) < letters:
            tail = after + tail
    return f'{head}…{tail}'.replace('$', r'\$')


def label_space(texts: Sequence[str], size: float = 9.5) -> float:
    """Inches that labels of that font size take on the right of an axes."""
    return 0.24 + max((fonts.cells(text) for text in texts), default=0) * size * 0.6 / 72


def label_lines(ax: Axes, labels: Sequence[tuple[float, str, str]], size: float = 9.5) -> None:
    """Writes (y, text, colour) right of the axes at the height of y, moved apart where they would touch."""
    if not labels:
        return
    low, high = ax.get_ylim()
    width, height = ax.get_position().size * ax.figure.get_size_inches()
    step = size * 1.22 / 72 / height
    wanted = np.clip([(y - low) / (high - low) for y, _, _ in labels], 0, 1)
    order = sorted(range(len(labels)), key=lambda i: (wanted[i], -i))
    for i, place in zip(order, apart([float(wanted[i]) for i in order], step)):
        y, text, color = labels[i]
        line = {'arrowstyle': '-', 'color': color, 'linewidth': 0.7, 'shrinkA': 1, 'shrinkB': 1, 'relpos': (0, 0.5)}
        moved = low <= y <= high and abs(place - wanted[i]) > step / 3
        ax.annotate(
            text,
            xy=(1.0, wanted[i]),
            xytext=(1 + 0.16 / width, place),
            xycoords='axes fraction',
            fontsize=size,
            color=color,
            va='center',
            annotation_clip=False,
            arrowprops=line if moved else None,
        )


def apart(wanted: Sequence[float], step: float) -> list[float]:
    """The places nearest to the ascending `wanted` ones that are `step` apart, in [0, 1] while there is room there.

    Pooling of neighbours: those that would touch move as one block around their common centre.
    """
    blocks: list[list[float]] = []  # [sum of wanted - offset, members]
    for i, place in enumerate(wanted):
        blocks.append([place - i * step, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, members = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += members
    shifts = [total / members for total, members in blocks for _ in range(int(members))]
    room = max(0.0, 1 - (len(wanted) - 1) * step)
    return [min(max(shift, 0.0), room) + i * step for i, shift in enumerate(shifts)]


def mark_training(ax: Axes, x: float | None, text: str = 'training length', *, label: bool = True) -> None:
    """A vertical line at the training length, named at the top of the axes."""
    if x is None:
        return
    ax.axvline(x, color=QUIET, linewidth=0.9, linestyle=(0, (3, 2)), zorder=1)
    if label:
        ax.annotate(text, xy=(x, 1), xycoords=('data', 'axes fraction'), xytext=(4, 2), textcoords='offset points',
                    fontsize=8.5, color=QUIET, va='bottom')  # fmt: skip
