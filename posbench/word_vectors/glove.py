"""GloVe: logarithms of co-occurrence counts by least squares (Pennington et al. 2014, EMNLP, equations 8 and 9)."""

import dataclasses
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np

from posbench import streams
from posbench.knobs import Range
from posbench.word_vectors import base, cooccurrence, rows
from posbench.word_vectors.corpus import Corpus

# Parts of a batch, which devices share.
PARTS = 8
# Cells of a held-out split that are scored, at most.
HELD_OUT_CELLS = 2**20


class Table(base.Prepared):
    """N cells in an order without meaning, and those of a first step again after the last."""

    row_N: np.ndarray  # int32
    column_N: np.ndarray  # int32
    log_N: np.ndarray  # float32, the logarithm of the count
    weight_N: np.ndarray  # float32, f(count)
    cells: int = base.static()

    @property
    def arrays(self) -> tuple:
        """What `gradients` wants to know of each cell."""
        return self.row_N, self.column_N, self.log_N, self.weight_N


class Prepared(base.Prepared):
    """The cells of train, 16 bytes each on every device, and some of those of the held-out splits."""

    train: Table
    held_out: dict[str, Table]
    words: tuple[str, ...] = base.static()


@dataclasses.dataclass(frozen=True)
class Trainer(base.Trainer):
    """loss = 1/2 · f(X_ij) · (w_i·w~_j + b_i + b~_j - log X_ij)^2 of each cell, f(x) = min(1, (x / x_max)^alpha).

    AdaGrad for every number, as in the authors' code: each cell moves it by -rate · g / sqrt(s), and then s, which
    starts at 1, grows by (rate · g)^2. The cells of a step all see the numbers as they were before it. The vectors are
    w + w~. The cells are shuffled once, and each seed begins each epoch at another place.
    """

    window: Annotated[int, Range(min=1)] = 10
    weighting: cooccurrence.Weighting = 'harmonic'
    x_max: Annotated[float, Range(above=0)] = 100.0
    alpha: Annotated[float, Range(min=0)] = 0.75
    # Of one step; a multiple of 8.
    cells_per_step: Annotated[int, Range(min=8)] = 4096
    learning_rate: Annotated[float, Range(above=0)] = 0.05
    products: Literal['float32', 'bfloat16'] = 'float32'

    loss_unit: ClassVar[str] = 'per cell'
    counts: ClassVar[str] = 'cells'

    def prepare(self, corpus: Corpus, folder: Path | None = None) -> Prepared:
        if self.cells_per_step % PARTS:
            raise ValueError(f'cells_per_step: got {self.cells_per_step}, wanted a multiple of {PARTS}')
        tables = {}
        for split, tokens_N in corpus.tokens.items():
            cells = cooccurrence.count(corpus, split, self.window, self.weighting, folder)
            if len(cells.row_N):
                # Counts of a shorter text, as if it were as long as train.
                ratio = len(corpus.tokens['train']) / len(tokens_N)
                tables[split] = self._table(cells, ratio, None if split == 'train' else HELD_OUT_CELLS)
        if 'train' not in tables:
            raise ValueError('train: got a text in which no two words stand near each other, wanted some that do')
        return Prepared(tables.pop('train'), tables, corpus.words)

    def _table(self, cells: cooccurrence.Cells, ratio: float, most: int | None) -> Table:
        order_N = np.random.default_rng(0).permutation(len(cells.row_N))[:most]
        count_N = cells.count_N[order_N].astype(np.float64) * ratio
        arrays = (
            cells.row_N[order_N],
            cells.column_N[order_N],
            np.log(count_N).astype(np.float32),
            np.minimum(1.0, (count_N / self.x_max) ** self.alpha).astype(np.float32),
        )
        part = np.arange(self.cells_per_step // PARTS) % len(order_N)
        return Table(*(np.concatenate([array, array[part]]) for array in arrays), len(order_N))

    def steps(self, prepared, epochs):
        return max(round(prepared.train.cells * epochs / self.cells_per_step), 1)

    def work(self, prepared):
        return float(self.cells_per_step)

    def rows(self, prepared):
        return PARTS

    def init(self, prepared, seed):
        """Vectors and biases uniform in ±0.5 / D, and sums of squares of 1, as the authors' code has them."""
        shape = (2, len(prepared.words), self.width + 1)
        both = jax.random.uniform(streams.key(seed, 'parameters'), shape, minval=-0.5, maxval=0.5) / self.width
        params = dict(word=both[0], context=both[1])
        return params, jax.tree.map(jnp.ones_like, params)

    def batch(self, prepared, seed, step, total):
        """Where each part of the batch begins in the table."""
        cells, part = prepared.train.cells, self.cells_per_step // PARTS
        steps = max(cells // self.cells_per_step, 1)
        first = jax.random.randint(base.batch_key(seed, step // steps, jnp.int32(0)), (), 0, cells)
        # Less than 2^31 before the remainder is taken, whatever the number of cells.
        offset_R = (step % steps) * self.cells_per_step + jnp.arange(PARTS, dtype=jnp.int32) * part
        left_R = cells - first
        return dict(start_R=jnp.where(offset_R < left_R, first + offset_R, offset_R - left_R) % cells)

    def rate(self, step, total):
        return jnp.float32(self.learning_rate)

    def update(self, params, opt_state, prepared, batch, rate, over):
        size = self.cells_per_step // PARTS
        place_N = (batch['start_R'][:, None] + jnp.arange(size)[None]).ravel()
        row_N, column_N, log_N, weight_N = (x[place_N] for x in prepared.train.arrays)
        loss, gradients = self.gradients(params, row_N, column_N, log_N, weight_N)
        new_params, new_squares = {}, {}
        for name, ids_N in (('word', row_N), ('context', column_N)):
            ids_N, gradient_NE = over.all((ids_N, gradients[name]))
            gradient_NE = rate * gradient_NE
            scale_NE = jax.lax.rsqrt(rows.gather(opt_state[name], ids_N))
            new_params[name] = rows.add(params[name], ids_N, -gradient_NE * scale_NE)
            new_squares[name] = rows.add(opt_state[name], ids_N, gradient_NE**2)
        return new_params, new_squares, dict(loss=over.total(loss) / self.cells_per_step)

    def gradients(self, params, row_N, column_N, log_N, weight_N):
        """The sum of the loss over cells, and its gradient by the rows of both tables, [N, D + 1], the bias last."""
        word_NE, context_NE = rows.gather(params['word'], row_N), rows.gather(params['context'], column_N)
        factors_NE = (x.at[:, -1].set(1.0).astype(self.products) for x in (word_NE, context_NE))
        word_factor_NE, context_factor_NE = (x.astype(jnp.float32) for x in factors_NE)
        dot_N = jnp.sum(word_factor_NE[:, :-1] * context_factor_NE[:, :-1], axis=1)
        difference_N = dot_N + word_NE[:, -1] + context_NE[:, -1] - log_N
        weighted_N1 = (weight_N * difference_N)[:, None]
        gradients = dict(word=weighted_N1 * context_factor_NE, context=weighted_N1 * word_factor_NE)
        return 0.5 * jnp.sum(weight_N * difference_N**2), gradients

    def held_out(self, params, prepared, split):
        """Of the split's own cells, their counts as if it were as long as train."""
        table = prepared.held_out[split]
        loss, _ = jax.jit(self.gradients)(params, *(x[: table.cells] for x in table.arrays))
        return float(loss) / table.cells

    def vectors(self, params, prepared):
        vectors_VE = np.asarray(params['word'], np.float32) + np.asarray(params['context'], np.float32)
        return base.Result(prepared.words, np.ascontiguousarray(vectors_VE[:, :-1]))
