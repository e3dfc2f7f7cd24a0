"""Where the Y and its arrow stand, and what is known without looking there."""

import jax
import numpy as np
import pytest

from posbench.tasks.image import arrow


def test_the_commonest_arrow_is_right_as_often_as_the_baseline_says():
    batch = jax.tree.map(np.asarray, arrow.Task().sample(jax.random.key(0), 2000, 16))
    flat_BLX = batch['inputs_BLC']
    ways_W2 = arrow.GLYPHS[arrow.ARROW : arrow.ARROW + 4]
    # Patches are cells, and pixels stand row by row.
    counts_BW = np.stack([(flat_BLX == way.reshape(-1)).all(axis=-1).sum(axis=1) for way in ways_W2], axis=1)
    assert set(counts_BW.sum(axis=1)) == {8}
    most_B = counts_BW.max(axis=1, keepdims=True)
    right_B = (counts_BW[np.arange(2000), batch['targets_B']] == most_B[:, 0]) / (counts_BW == most_B).sum(axis=1)
    known = arrow.Task().baselines('test')['commonest arrow']['accuracy']
    assert abs(right_B.mean() - known) < 5 * 0.5 / 2000**0.5
    assert known == pytest.approx(0.44226, abs=1e-5)


def test_no_two_glyphs_are_alike():
    assert len({glyph.tobytes() for glyph in arrow.GLYPHS}) == 14


def test_an_example_shows_what_stands_where():
    task = arrow.Task(patch=3, turned=False)
    batch = jax.tree.map(np.asarray, task.sample(jax.random.key(1), 1, 64))
    *lines, sentence = task.example(batch, 0, np.int32(1)).split('\n')
    grid = [line.split(' ') for line in lines]
    (row, column) = next((r, c) for r in range(4) for c in range(4) if grid[r][c] == 'Y')
    way = '↑→↓←'.index(grid[row + 1][column])
    assert sentence == f'points {arrow.WAYS[way]}, said to point right'


@pytest.mark.parametrize(
    ('options', 'length', 'message'),
    [
        ({}, 9, 'length: got 9, wanted 16, 25, 36'),
        (dict(patch=3), 81, 'length: got 81, wanted 64, 100, 144'),
        (dict(patch=4), 64, 'config.task.patch: got 4, wanted 2, 3 or 6'),
    ],
)
def test_a_length_that_is_no_grid_is_one_line(options, length, message):
    with pytest.raises(ValueError, match=message):
        arrow.Task(**options).sample(jax.random.key(0), 1, length)
