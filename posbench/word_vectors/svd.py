"""Truncated SVD of the co-occurrence matrix, by block power iteration (Levy et al. 2015, TACL; Halko et al. 2011).

The matrix M is symmetric, so that its singular vectors are its eigenvectors. A step multiplies a basis Q of D + 10
columns by M and makes it orthogonal again: the columns turn towards the directions of the largest singular values. At
the end the small matrix Q'MQ is diagonalised. M is about U S U'; the vector of a word is its row of U |S|^power, at
length 1.
"""

import dataclasses
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np

from posbench import streams
from posbench.knobs import Range
from posbench.ops import orthogonal
from posbench.word_vectors import base, cooccurrence, rows
from posbench.word_vectors.corpus import Corpus

# Columns beyond D, which D then converge the faster for (Halko et al. 2011, arXiv 0909.4061, section 4.2).
MORE = 10
# The cells are in so many parts, which devices share, and of each part so many are multiplied at once.
PARTS, CHUNK = 8, 8192

Cell = Literal['raw', 'log', 'ppmi', 'saturating']


class Matrix(base.Prepared):
    """Cells in PARTS parts of X chunks of N; what fills up the last chunks is 0."""

    row_PXN: np.ndarray  # int32
    column_PXN: np.ndarray  # int32
    value_PXN: np.ndarray  # float32
    square: np.ndarray  # float32, the sum of the squares of all values


class Prepared(base.Prepared):
    """The matrices of the splits, 12 bytes a cell on every device."""

    train: Matrix
    held_out: dict[str, Matrix]
    words: tuple[str, ...] = base.static()
    read: int = base.static()


def values(kind: Cell, row_N: np.ndarray, column_N: np.ndarray, count_N: np.ndarray, words: int) -> np.ndarray:
    """What stands in a cell with a count c, float64 [N].

    raw: c. log: log(1 + c). ppmi: max(0, log(c · sum of all / (sum of its row · sum of its column))) (Church and Hanks
    1990; Levy et al. 2015). saturating: c / (1 + c + sqrt(c) + 1 / c), which is below 1 however often words meet.
    """
    c_N = count_N.astype(np.float64)
    match kind:
        case 'raw':
            return c_N
        case 'log':
            return np.log1p(c_N)
        case 'saturating':
            return c_N / (1 + c_N + np.sqrt(c_N) + 1 / c_N)
    row_V = np.bincount(row_N, c_N, minlength=words)
    column_V = np.bincount(column_N, c_N, minlength=words)
    return np.maximum(np.log(c_N * c_N.sum() / (row_V[row_N] * column_V[column_N])), 0.0)


@dataclasses.dataclass(frozen=True)
class Trainer(base.Trainer):
    """An epoch is one step, which multiplies by the whole matrix; 10 to 20 of them are enough."""

    window: Annotated[int, Range(min=1)] = 5
    weighting: cooccurrence.Weighting = 'flat'
    cell: Cell = 'ppmi'
    # Of the singular values, in the vectors: 0 leaves them out, 1 has them whole.
    power: Annotated[float, Range(min=0, max=1)] = 0.5
    products: Literal['float32', 'bfloat16'] = 'float32'

    loss_unit: ClassVar[str] = 'of the squares of all cells'

    def prepare(self, corpus: Corpus, folder: Path | None = None) -> Prepared:
        if self.width + MORE > len(corpus.words):
            raise ValueError(
                f'width: got {self.width}, wanted at most the {len(corpus.words)} words of the vocabulary less {MORE}'
            )
        matrices = {}
        for split in corpus.tokens:
            cells = cooccurrence.count(corpus, split, self.window, self.weighting, folder)
            if len(cells.row_N):
                matrices[split] = self._matrix(cells, len(corpus.words))
        if 'train' not in matrices:
            raise ValueError('train: got a text in which no two words stand near each other, wanted some that do')
        return Prepared(matrices.pop('train'), matrices, corpus.words, corpus.read['train'])

    def _matrix(self, cells: cooccurrence.Cells, words: int) -> Matrix:
        value_N = values(self.cell, *cells, words)
        # Of PPMI half of the cells are 0.
        there_N = value_N != 0
        arrays = (cells.row_N[there_N], cells.column_N[there_N], value_N[there_N].astype(np.float32))
        filled = -len(arrays[0]) % (PARTS * CHUNK)
        shaped = (np.pad(array, (0, filled)).reshape(PARTS, -1, CHUNK) for array in arrays)
        return Matrix(*shaped, np.float32(np.sum(value_N**2)))

    def steps(self, prepared, epochs):
        return max(round(epochs), 1)

    def work(self, prepared):
        return float(prepared.read)

    def rows(self, prepared):
        return PARTS

    def init(self, prepared, seed):
        """A random basis, orthogonal."""
        shape = (len(prepared.words), self.width + MORE)
        return dict(basis=orthogonal.columns(jax.random.normal(streams.key(seed, 'parameters'), shape))), {}

    def batch(self, prepared, seed, step, total):
        return dict(part_R=jnp.arange(PARTS, dtype=jnp.int32))

    def update(self, params, opt_state, prepared, batch, rate, over):
        image_VK = over.total(self.product(prepared.train, params['basis'], batch['part_R']))
        loss = 1 - jnp.sum(image_VK**2) / prepared.train.square
        return dict(basis=orthogonal.columns(image_VK)), opt_state, dict(loss=loss)

    def product(self, matrix: Matrix, basis_VK: jax.Array, part_R: jax.Array) -> jax.Array:
        """[V, K]: some parts of the matrix times a basis; all of them make the whole product."""
        factor_VK = basis_VK.astype(self.products)

        def add(sums_VK, chunk):
            row_N, column_N, value_N = chunk
            products_NK = value_N[:, None] * rows.gather(factor_VK, column_N).astype(jnp.float32)
            return rows.add(sums_VK, row_N, products_NK), None

        chunks = jax.tree.map(
            lambda x: x[part_R].reshape(-1, CHUNK), (matrix.row_PXN, matrix.column_PXN, matrix.value_PXN)
        )
        return jax.lax.scan(add, jnp.zeros_like(basis_VK), chunks)[0]

    def held_out(self, params, prepared, split):
        """The share of the squares of the split's own matrix that the basis leaves out."""
        matrix = prepared.held_out[split]
        image_VK = jax.jit(self.product)(matrix, params['basis'], jnp.arange(PARTS))
        return float(1 - jnp.sum(image_VK**2) / matrix.square)

    def vectors(self, params, prepared):
        basis_VK = np.asarray(params['basis'])
        image_VK = jax.jit(self.product)(prepared.train, basis_VK, np.arange(PARTS))
        small_KK = basis_VK.T.astype(np.float64) @ np.asarray(image_VK, np.float64)
        value_K, turn_KK = np.linalg.eigh((small_KK + small_KK.T) / 2)
        largest = np.argsort(-np.abs(value_K), kind='stable')[: self.width]
        vectors_VD = basis_VK.astype(np.float64) @ turn_KK[:, largest] * np.abs(value_K[largest]) ** self.power
        # Of the two signs of a column, the one whose largest entry is positive.
        vectors_VD *= np.sign(vectors_VD[np.abs(vectors_VD).argmax(0), np.arange(self.width)])
        lengths_V1 = np.linalg.norm(vectors_VD, axis=1, keepdims=True)
        return base.Result(prepared.words, (vectors_VD / np.maximum(lengths_V1, 1e-30)).astype(np.float32))
