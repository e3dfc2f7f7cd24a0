"""The grid, cell by cell: find the Y, look where its base points."""

import math

import numpy as np

LENGTHS = (64, 100, 144)
SETTINGS = [{}, dict(patch=3, turned=False)]
OTHER = dict(patch=3, turned=False)

ARROW = ['..##..', '.####.', '##..##', '..##..', '..##..', '..##..']
Y = ['##..##', '##..##', '.####.', '..##..', '..##..', '..##..']
WAYS = ['up', 'right', 'down', 'left']


def turned(rows, times):
    """Clockwise, a quarter each time."""
    for _ in range(times):
        rows = [''.join(row[column] for row in reversed(rows)) for column in range(6)]
    return rows


def cells_of(patches_LC, patch):
    """row, column -> six texts."""
    across = math.isqrt(len(patches_LC))
    pixels = [['?'] * (across * patch) for _ in range(across * patch)]
    for place, values in enumerate(patches_LC.tolist()):
        for number, value in enumerate(values):
            assert value in (0, 1)
            row, column = place // across * patch + number // patch, place % across * patch + number % patch
            pixels[row][column] = '.#'[int(value)]
    cells = across * patch // 6
    return {
        (row, column): [''.join(line[6 * column : 6 * column + 6]) for line in pixels[6 * row : 6 * row + 6]]
        for row in range(cells)
        for column in range(cells)
    }


def expected(task, batch, protocol):
    targets = []
    arrows = [turned(ARROW, way) for way in range(4)]
    # The base of the upright one is below.
    ys = [turned(Y, way + 2) for way in range(4)]
    for patches_LC in batch['inputs_BLC']:
        cells = {place: rows for place, rows in cells_of(patches_LC, task.patch).items() if '#' in ''.join(rows)}
        (y,) = [place for place, rows in cells.items() if rows in ys]
        others = [rows for rows in cells.values() if rows not in arrows and rows not in ys]
        assert sum(rows in arrows for rows in cells.values()) == 8
        assert len(others) == 5 == len({tuple(rows) for rows in others}), 'five other letters'
        side = WAYS[ys.index(cells[y])]
        assert task.turned or side == 'down'
        down, right = dict(up=(-1, 0), right=(0, 1), down=(1, 0), left=(0, -1))[side]
        targets.append(arrows.index(cells[y[0] + down, y[1] + right]))
    return dict(targets_B=np.array(targets), weights_B=np.asarray(batch['weights_B'] > 0, np.float32))


def counted(task, split, length, batches):
    """Of saying one way all the time: a recall of 1, three of 0."""
    ways = [0] * 4
    for _, batch in batches:
        for way, weight in zip(batch['targets_B'], batch['weights_B']):
            ways[way] += int(weight)
    # Four standard deviations of a share of a quarter.
    accuracy, tolerance = max(ways) / sum(ways), 4 * math.sqrt(0.25 * 0.75 / sum(ways))
    assert abs(accuracy - 0.25) <= tolerance
    one = dict(macro_precision=0.25 / 4, macro_recall=1 / 4, macro_f1=2 * 0.25 / 1.25 / 4)
    exact = {name: (value, 1e-6) for name, value in one.items()}
    return dict(accuracy=(accuracy, tolerance), **exact, micro_f1=(accuracy, tolerance), loss=(math.log(4), 1e-6))
