"""Pictures of encodings, from encoding.json: what an encoding does before anything is trained on text."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from posbench.report import canvas
from posbench.report.kinds import KINDS

CARD = (3.7, 2.45)  # inches
_DIVERGING = 'RdBu_r'  # blue and red can be told apart by everyone, and their sign by the middle being white


def one(picture: dict, train_length: int | None, title: str) -> Figure:
    """The picture of one run, labels beside the lines."""
    kind = picture['kind']
    fig = canvas.figure(
        {'similarity': 4.7, 'grid': 4.7, 'none': 1.0}.get(kind, 3.4), title, str(picture.get('title') or KINDS[kind])
    )
    if kind == 'similarity':
        ax = canvas.panel(fig, left=0.72, right=1.2, bottom=0.5, top=0.85)
        image = _similarity(ax, picture, train_length)
        bar = fig.colorbar(image, ax=ax, cax=fig.add_axes((0.82, 0.14, 0.028, 0.66)), ticks=[-1, -0.5, 0, 0.5, 1])
        bar.outline.set_visible(False)
        return fig
    if kind == 'grid':
        _maps(fig, picture, size=9.5, top=0.95)
    elif kind != 'none':
        _labelled(fig, picture, train_length, size=9.5, top=0.86)
    return fig


def card(picture: dict, train_length: int | None) -> Figure:
    """The picture small and without its title, which stands beside it on the page."""
    fig = canvas.bare(*CARD)
    if picture['kind'] == 'grid':
        _maps(fig, picture, size=7.5, top=0.25)
        return fig
    if picture['kind'] == 'similarity':
        ax = canvas.panel(fig, left=0.58, right=0.95, bottom=0.4, top=0.1)
        image = _similarity(ax, picture, train_length)
        bar = fig.colorbar(image, ax=ax, cax=fig.add_axes((0.76, 0.2, 0.03, 0.72)), ticks=[-1, 0, 1])
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=7.5)
    else:
        ax = _labelled(fig, picture, train_length, size=7.5, top=0.18)
    ax.locator_params(axis='x', nbins=5)
    ax.tick_params(labelsize=7.5, pad=2)
    ax.xaxis.label.set_size(8)
    ax.yaxis.label.set_size(8)
    return fig


def _labelled(fig: Figure, picture: dict, train_length: int | None, *, size: float, top: float) -> Axes:
    """Lines with their names beside them."""
    lines = _lines(picture)
    labels = [_last(y, canvas.name(name, 24), color) for name, y, color in lines]
    # The only line of a spectrum needs no name.
    labels = [] if picture['kind'] == 'spectrum' and len(labels) == 1 else labels
    size = size if len(labels) <= 10 else 0.8 * size
    right = canvas.label_space([text for _, text, _ in labels], size)
    ax = canvas.panel(fig, left=0.5 * size / 9.5 + 0.08, right=right, bottom=0.5 * size / 9.5 + 0.04, top=top)
    _curves(ax, picture, lines, train_length, label=True)
    ax.set_xlabel('pair of channels' if picture['kind'] == 'spectrum' else 'distance between query and key, tokens')
    canvas.label_lines(ax, labels, size=size)
    return ax


def many(pictures: dict[str, dict], train_length: int | None, title: str) -> Figure:
    """Small multiples, a panel for each named picture; scales differ, shapes are what is compared."""
    columns = 2 if len(pictures) <= 4 else 3
    rows = math.ceil(len(pictures) / columns)
    subtitle = 'bias and score by distance, each on its own scale; similarity: blue −1, red +1; dashed: training length'
    fig = canvas.figure(0.9 + rows * (2.1 if columns == 3 else 2.8), title, subtitle)
    panels = canvas.grid(fig, len(pictures), columns, left=0.55, bottom=0.42, gap=(0.5, 0.88), top=1.0)
    for ax, (name, picture) in zip(panels, pictures.items()):
        if picture['kind'] == 'similarity':
            _similarity(ax, picture, train_length)
        elif picture['kind'] == 'grid':
            _map(ax, picture, next(iter(picture['maps'].values())))
            ax.set(xlabel='column from query', ylabel='row from query')
        elif picture['kind'] == 'none':
            ax.set_axis_off()
        else:
            _curves(ax, picture, _lines(picture), train_length, label=False)
            ax.set_xlabel('pair of channels' if picture['kind'] == 'spectrum' else 'distance, tokens')
        ax.locator_params(axis='both', nbins=4)
        ax.tick_params(labelsize=7.5, pad=2)
        for axis in (ax.xaxis, ax.yaxis):
            axis.label.set_size(7.5)
            axis.labelpad = 1
        ax.set_title(canvas.name(name, 20), loc='left', fontsize=9, fontweight='bold', pad=14)
        kind = picture['kind'] if picture['kind'] != 'none' else KINDS['none']
        ax.annotate(kind, (0, 1), (0, 3), 'axes fraction', 'offset points', fontsize=8, color=canvas.QUIET)
    return fig


def _similarity(ax: Axes, picture: dict, train_length: int | None):
    first, last = picture['positions'][0], picture['positions'][-1]
    ax.grid(False)
    ax.spines[:].set_visible(False)
    matrix = _numbers(picture['matrix'])
    ax.set_xlabel('position')
    ax.set_ylabel('position')
    ax.set_anchor('NW')
    if train_length is not None and first < train_length < last:
        ax.axvline(train_length, color=canvas.INK, linewidth=0.8, linestyle=(0, (3, 2)))
        ax.axhline(train_length, color=canvas.INK, linewidth=0.8, linestyle=(0, (3, 2)))
    return ax.imshow(matrix, cmap=_DIVERGING, vmin=-1, vmax=1, extent=(first, last, last, first), aspect='equal',
                     interpolation='nearest')  # fmt: skip


def _maps(fig: Figure, picture: dict, *, size: float, top: float) -> None:
    """Squares side by side, one a head, with one scale for all."""
    maps = picture['maps']
    columns = math.ceil(math.sqrt(len(maps)))
    lines = math.ceil(len(maps) / columns)
    (width, height), em = fig.get_size_inches(), size / 72
    left, bottom, gap = 5 * em, 4 * em, (2 * em, 2.2 * em)
    side = min(
        (height - top - bottom - gap[1] * (lines - 1)) / lines,
        (width - left - 8 * em - gap[0] * (columns - 1)) / columns,
    )
    right = width - left - side * columns - gap[0] * (columns - 1)
    bottom = height - top - side * lines - gap[1] * (lines - 1)
    panels = canvas.grid(fig, len(maps), columns, left=left, right=right, bottom=bottom, gap=gap, top=top)
    for number, (ax, (name, rows)) in enumerate(zip(panels, maps.items())):
        image = _map(ax, picture, rows)
        ax.tick_params(labelsize=size, pad=2)
        ax.tick_params(labelleft=number % columns == 0, labelbottom=number + columns >= len(maps))
        if len(maps) > 1:
            ax.set_title(canvas.name(name, 14), loc='left', fontsize=size, color=canvas.QUIET, pad=3)
    fig.text((left + (width - left - right) / 2) / width, (bottom - 3 * em) / height, 'columns from query to key',
             fontsize=size, color=canvas.QUIET, ha='center', va='center')  # fmt: skip
    fig.text(1.2 * em / width, (bottom + (height - top - bottom) / 2) / height, 'rows from query to key',
             fontsize=size, color=canvas.QUIET, ha='center', va='center', rotation=90)  # fmt: skip
    place = ((width - right + 2 * em) / width, bottom / height, 1.4 * em / width, (height - top - bottom) / height)
    low, high = image.get_clim()
    ticks = [low, 0, high] if low < 0 < high else [low, high]
    bar = fig.colorbar(
        image, cax=fig.add_axes(place), ticks=ticks, format=lambda value, _: f'{value:.3g}'.replace('-', '−')
    )
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=size)


def _map(ax: Axes, picture: dict, rows: list):
    """One square, its query marked; all of a picture have one scale, white at 0 if there are numbers of both signs."""
    first, last = picture['offsets'][0], picture['offsets'][-1]
    everything = _numbers(list(picture['maps'].values()))
    low, high = float(everything.min()), float(everything.max())
    colours = 'Reds' if low >= 0 else 'Blues_r' if high <= 0 else _DIVERGING
    if low < 0 < high:
        high = max(-low, high)
        low = -high
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.set_anchor('NW')
    image = ax.imshow(rows, cmap=colours, vmin=low, vmax=high, aspect='equal', interpolation='nearest',
                      extent=(first - 0.5, last + 0.5, last + 0.5, first - 0.5))  # fmt: skip
    # Dark on light or light on dark, whatever is below.
    for colour, thickness in (('white', 2.0), (canvas.INK, 0.8)):
        ax.plot(0, 0, marker='s', markersize=3, color='none', markeredgecolor=colour, markeredgewidth=thickness)
    ax.set_xticks([first, 0, last])
    ax.set_yticks([first, 0, last])
    return image


def _lines(picture: dict) -> list[tuple[str, np.ndarray, tuple | str]]:
    """(name, values, colour) of every line: heads go from dark to light, curves have colours of their own."""
    if picture['kind'] in ('score', 'spectrum'):
        curves = picture['curves'] if picture['kind'] == 'score' else picture['wavelengths']
        found = [(name, _numbers(y)) for name, y in curves.items()]
        # Logarithms, so that the axis is linear for whoever places labels at it.
        found = found if picture['kind'] == 'score' else [(name, np.log10(y)) for name, y in found]
        return [(name, y, canvas.look(i)['color']) for i, (name, y) in enumerate(found)]
    heads = picture['heads']
    return [(f'head {i + 1}', _numbers(y), _head_color(i, len(heads))) for i, y in enumerate(heads)]


def _curves(ax: Axes, picture: dict, lines: Sequence, train_length: int | None, *, label: bool) -> None:
    if picture['kind'] == 'spectrum':
        _wavelengths(ax, lines, train_length, label=label)
        return
    distances = picture['distances']
    for (_, y, color), spread in zip(lines, picture.get('spread') or [None] * len(lines)):
        ax.plot(distances, y, color=color, linewidth=1.7 if label else 1.2)
        if spread is not None:
            ax.fill_between(distances, y - _numbers(spread), y + _numbers(spread), color=color, alpha=0.1, linewidth=0)
    ax.axhline(0, color=canvas.FAINT, linewidth=0.8, zorder=1)
    ax.set_xlim(distances[0], distances[-1])
    if picture['kind'] == 'attention':
        # A tenth and ten times an even share at least, so that chance does not look like a preference.
        low, high = ax.get_ylim()
        ax.set_ylim(min(low, -1.1), max(high, 1.1))
        _powers_of_ten(ax)
    if train_length is not None and distances[0] < train_length < distances[-1]:
        canvas.mark_training(ax, train_length, label=label)


def _wavelengths(ax: Axes, lines: Sequence, train_length: int | None, *, label: bool) -> None:
    """One dot a pair of channels; what never turns has none."""
    for number, (_, y, color) in enumerate(lines):
        pairs = np.arange(1, len(y) + 1)
        ax.plot(pairs, y, color=color, linewidth=1, marker='o' if number == 0 else '.', markersize=3, zorder=3 - number)
    ax.set_xlim(0.5, max(len(y) for _, y, _ in lines) + 0.5)
    if train_length is not None:
        ax.axhline(math.log10(train_length), color=canvas.QUIET, linewidth=0.9, linestyle=(0, (3, 2)), zorder=1)
        if label:
            ax.annotate('training length', (1, math.log10(train_length)), (-2, -3), ('axes fraction', 'data'),
                        'offset points', fontsize=7.5, color=canvas.QUIET, ha='right', va='top')  # fmt: skip
    _powers_of_ten(ax)


def _powers_of_ten(ax: Axes) -> None:
    """Names the ticks of an axis of logarithms."""
    low, high = ax.get_ylim()
    first, last = math.ceil(low), math.floor(high)
    step = max(1, math.ceil((last - first) / 5))
    # Zero, an even share, is always among them.
    ticks = [tick for tick in range(first, last + 1) if tick % step == 0]
    ax.set_yticks(ticks, [f'$10^{{{tick}}}$' if abs(tick) > 2 else f'{10.0**tick:g}' for tick in ticks])


def _head_color(head: int, heads: int) -> tuple:
    dark, light = np.array([0.0, 0.21, 0.42]), np.array([0.42, 0.71, 0.87])
    return tuple(dark + (light - dark) * head / max(1, heads - 1))


def _last(y: np.ndarray, name: str, color) -> tuple[float, str, tuple | str]:
    finite = y[np.isfinite(y)]
    return (float(finite[-1]) if len(finite) else 0.0), name, color


def _numbers(values) -> np.ndarray:
    """float64, with null as NaN: a gap in the line, a white square."""
    return np.array(values, dtype=np.float64)
