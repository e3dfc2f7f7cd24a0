"""Which way does the arrow point that the base of the Y points to? Seven arrows and five letters are in the way.

The synthetic task of LieRE (Ostmeier et al. 2024, arXiv 2406.10322, section 5.2 and table 3): eight arrows and the
letters A to E and Y in cells of a grid of 9 x 9, one arrow where the base of the Y points to. Images have 108 x 108
pixels, larger ones the same in more pixels; a ViT of 85 M parameters is trained on 800,000 of them.

The paper does not say how far the arrow is, how the Y may stand, or how many ways there are. Here the arrow is in the
next cell, the base of the Y at one of four sides, and arrows point one of four ways: the commonest way among eight of
them is then right 44.2 % of the time, and the paper's encodings that fail have 45.1 (43.1 to 47.7) and 46.4 %. Ours
are also glyphs of 6 x 6 pixels, and that more patches are more cells, so that nothing is new in a longer sequence but
the positions.
"""

import itertools
import math
from collections.abc import Iterator
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from posbench.knobs import Range
from posbench.tasks import base, classification, generated
from posbench.tasks.image import digits

ARROWS, LETTERS = 8, 6
SIDE = 6
WAYS = ('up', 'right', 'down', 'left')
_STEPS = np.array([(-1, 0), (0, 1), (1, 0), (0, -1)])  # of row and column
_DRAWN = """
..##.. .####. #####. .####. #####. ###### ##..##
.####. ##..## ##..## ##..## ##..## ##.... ##..##
##..## ##..## #####. ##.... ##..## #####. .####.
..##.. ###### ##..## ##.... ##..## ##.... ..##..
..##.. ##..## ##..## ##..## ##..## ##.... ..##..
..##.. ##..## #####. .####. #####. ###### ..##..
"""


def _glyphs() -> np.ndarray:
    """Nothing, four arrows, A to E, and a Y with its base at each of four sides: [14, SIDE, SIDE], 0 or 1."""
    rows = [[[float(pixel == '#') for pixel in glyph] for glyph in line.split()] for line in _DRAWN.split('\n')[1:-1]]
    arrow, *letters, upright = np.array(rows, np.float32).transpose(1, 0, 2)
    # np.rot90 turns to the left; the Y of the font has its base below.
    arrows = [np.rot90(arrow, -way) for way in range(4)]
    ys = [np.rot90(upright, 2 - way) for way in range(4)]
    return np.stack([np.zeros_like(arrow), *arrows, *letters, *ys])


GLYPHS = _glyphs()
ARROW, LETTER, Y = 1, 5, 10


class Task(base.Task):
    """`length` patches of a square grid, row by row; a cell of the grid is one of them, or 4 or 9.

    patch: its side in pixels; a glyph has 6 x 6.
    turned: the base of the Y is at any of four sides; otherwise below.
    """

    says: ClassVar[str] = 'classes'
    metrics: ClassVar[dict[str, base.Metric]] = classification.metrics('image')
    protocols: ClassVar[dict[str, str]] = {'grids': 'images of grids with that many patches, never trained on'}
    guess: ClassVar[str] = 'one of four ways, on all images that there could be'

    patch: Annotated[int, Range(min=2, max=6)] = base.option(6)
    turned: bool = base.option(True)

    @property
    def classes(self) -> int:
        """The ways an arrow may point."""
        return len(WAYS)

    @property
    def class_names(self) -> tuple[str, ...]:
        """They have names."""
        return WAYS

    def sample(self, rng: jax.Array, batch_size: int, length: int) -> base.Batch:
        """inputs_BLC (float32, 0 or 1), targets_B (int32), weights_B. ValueError for no grid of that many patches."""
        return self._rows(jax.random.split(rng, batch_size), length)

    def held_out(self, split: str, length: int, budget: base.Budget) -> Iterator[tuple[str, base.Batch]]:
        """Images that no batch has."""
        for batch in generated.held_out(self._rows, length, split=split, protocol=0, length=length, budget=budget):
            yield 'grids', batch

    def _rows(self, keys_B: jax.Array, length: int) -> base.Batch:
        cells = self._cells(length)
        glyph_BGG, way_B = jax.vmap(lambda key: self._grid(key, cells))(keys_B)
        image_BYX = jnp.asarray(GLYPHS)[glyph_BGG].swapaxes(2, 3).reshape(len(keys_B), cells * SIDE, cells * SIDE)
        return dict(
            inputs_BLC=digits.patches(image_BYX, self.patch),
            targets_B=way_B.astype(jnp.int32),
            weights_B=jnp.ones(len(keys_B), jnp.float32),
        )

    def _cells(self, length: int) -> int:
        """Along one side; ValueError where there is no such grid, or no room in it."""
        each = SIDE // self.patch
        if SIDE % self.patch:
            raise ValueError(f'config.task.patch: got {self.patch}, wanted 2, 3 or 6, parts of {SIDE} pixels.')
        cells, rest = divmod(math.isqrt(length), each)
        if rest or math.isqrt(length) ** 2 != length or cells**2 < ARROWS + LETTERS:
            valid = ', '.join(str((n * each) ** 2) for n in (4, 5, 6))
            raise ValueError(f'length: got {length}, wanted {valid}, ...: a square of at least 4 x 4 cells.')
        return cells

    def _grid(self, key: jax.Array, cells: int) -> tuple[jax.Array, jax.Array]:
        """Glyphs of one image [G, G], as they stand in GLYPHS, and the way to say."""
        base_key, place_key, cell_key, way_key = jax.random.split(key, 4)
        side = jax.random.randint(base_key, (), 0, 4) if self.turned else 2
        step_2 = jnp.asarray(_STEPS)[side]
        # The arrow is within the grid, so that the Y is not in one of its four lines.
        first_2 = jnp.maximum(-step_2, 0)
        y_2 = first_2 + jax.random.randint(place_key, (2,), 0, cells - jnp.abs(step_2))
        y, arrow = (place_2[0] * cells + place_2[1] for place_2 in (y_2, y_2 + step_2))
        # All others go to the cells with the smallest numbers.
        drawn_N = jax.random.uniform(cell_key, (cells**2,)).at[jnp.stack([y, arrow])].set(2.0)
        others_N = jnp.argsort(drawn_N)[: ARROWS - 1 + LETTERS - 1]
        ways_A = jax.random.randint(way_key, (ARROWS,), 0, 4)
        glyphs_N = jnp.concatenate([ARROW + ways_A[1:], jnp.arange(LETTER, LETTER + LETTERS - 1)])
        glyph_N = jnp.zeros(cells**2, jnp.int32).at[others_N].set(glyphs_N)
        glyph_N = glyph_N.at[y].set(Y + side).at[arrow].set(ARROW + ways_A[0])
        return glyph_N.reshape(cells, cells), ways_A[0]

    def loss(self, outputs: jax.Array, batch: base.Batch) -> tuple[jax.Array, jax.Array]:
        """Nats of the right ways."""
        return classification.loss(outputs, batch['targets_B'], batch['weights_B'])

    def score(self, outputs: jax.Array, batch: base.Batch) -> base.Sums:
        """See posbench/tasks/classification.py."""
        return classification.score(outputs, batch['targets_B'], batch['weights_B'])

    def values(self, sums: base.Sums) -> dict[str, float]:
        """The metrics of classification.py."""
        return classification.values(sums)

    def chance(self, split: str, length: int) -> dict[str, float]:
        """Exact: all ways are alike."""
        return classification.chance(np.ones(4), np.ones(4))

    def baselines(self, split: str) -> dict[str, dict[str, float]]:
        """The commonest way among the arrows, wherever they stand: what a model knows that has no positions."""
        return {'commonest arrow': dict(accuracy=commonest())}

    def figures(self, sums: base.Sums) -> dict[str, dict]:
        """The confusion matrix."""
        return classification.figures(sums, WAYS)

    def example(self, batch: base.Batch, row: int, said: np.ndarray) -> str:
        """The grid as letters and arrows, with the Y as the side its base is at, and what was said."""
        patches_LC = np.asarray(batch['inputs_BLC'][row])
        across = math.isqrt(len(patches_LC))
        image_YX = patches_LC.reshape(across, across, self.patch, self.patch).swapaxes(1, 2)
        image_YX = image_YX.reshape(across * self.patch, -1)
        cells = len(image_YX) // SIDE
        glyphs_GGYX = image_YX.reshape(cells, SIDE, cells, SIDE).swapaxes(1, 2)
        shown_GG = (glyphs_GGYX[:, :, None] == GLYPHS).all(axis=(-1, -2)).argmax(axis=-1)
        lines = [' '.join('·↑→↓←ABCDE⅄≻Y≺'[glyph] for glyph in line) for line in shown_GG]
        wanted = WAYS[int(batch['targets_B'][row])]
        return '\n'.join([*lines, f'points {wanted}, said to point {WAYS[int(said)]}'])


def commonest() -> float:
    """How often one of eight arrows points the way that most of them do, all ways being alike: exact."""
    ways, total = len(WAYS), 0.0
    for counts in itertools.product(range(ARROWS + 1), repeat=ways):
        if sum(counts) == ARROWS:
            orders = math.factorial(ARROWS) / math.prod(map(math.factorial, counts))
            total += orders / ways**ARROWS * max(counts) / ARROWS
    return total
