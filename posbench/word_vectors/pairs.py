"""Which vectors of a block predict which of its words: all of a window's (skip-gram), or its mean (CBOW).

An objective is written once for both: its products go by these letters. H is the vectors that predict: the C words
around a block in skip-gram, the T centers' windows in CBOW.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp


class Pairs(NamedTuple):
    """vectors_BHD predict words_BT, with the weight of each pair: [B, H, T], or [B, T] where each has one vector."""

    vectors_BHD: jax.Array
    words_BT: jax.Array
    weights: jax.Array
    # bfloat16 on accelerators that are made for it.
    dtype: str = 'float32'
    # The loss is only looked at, so that every so many blocks are enough: logarithms take a fifth of a step on a CPU.
    every: int = 1

    @property
    def _of_one(self) -> bool:
        return self.weights.ndim == 2

    @property
    def per_vector_BH(self) -> jax.Array:
        """How many words each vector predicts."""
        return self.weights if self._of_one else self.weights.sum(2)

    def measured(self, loss: Callable[..., jax.Array], *arrays: jax.Array) -> tuple[jax.Array, jax.Array]:
        """(sum, pairs) of a loss, a function of arrays that begin with the blocks, over every `every`-th block."""
        return loss(*(x_B[:: self.every] for x_B in arrays)).sum(), self.weights[:: self.every].sum()

    def logits(self, rows: jax.Array) -> jax.Array:
        """Products with rows of the words, [B, T, D] or with more axes before D: of the weights' shape, and these."""
        more = 'LMN'[: rows.ndim - 3]
        spec = f'BTD,BT{more}D->BT{more}' if self._of_one else f'BHD,BT{more}D->BHT{more}'
        return product(spec, self.vectors_BHD, rows, self.dtype)

    def to_vectors(self, gradient: jax.Array, rows: jax.Array) -> jax.Array:
        """[B, H, D]: the gradient of `logits` that reaches the vectors."""
        more = 'LMN'[: rows.ndim - 3]
        spec = f'BT{more},BT{more}D->BTD' if self._of_one else f'BHT{more},BT{more}D->BHD'
        return product(spec, gradient, rows, self.dtype)

    def to_rows(self, gradient: jax.Array) -> jax.Array:
        """The gradient of `logits` that reaches the rows, of their shape."""
        more = 'LMN'[: gradient.ndim - self.weights.ndim]
        spec = f'BT{more},BTD->BT{more}D' if self._of_one else f'BHT{more},BHD->BT{more}D'
        return product(spec, gradient, self.vectors_BHD, self.dtype)


class Gradients(NamedTuple):
    """Of the sum of an objective over pairs; and that of some of them, with their number."""

    loss: tuple[jax.Array, jax.Array]
    # By the vectors that predict.
    vectors_BHD: jax.Array
    # By rows of the output table: (their numbers [...], gradients [..., D]) in turn.
    sparse: Sequence[tuple[jax.Array, jax.Array]] = ()
    # By the whole output table, where it reaches all of it.
    dense_VD: jax.Array | None = None


def product(spec: str, a: jax.Array, b: jax.Array, dtype: str) -> jax.Array:
    """An einsum of factors in `dtype`, summed in float32; float32 factors are whole, on a GPU too."""
    factors = (a.astype(dtype), b.astype(dtype))
    return jnp.einsum(spec, *factors, precision=jax.lax.Precision.HIGHEST, preferred_element_type=jnp.float32)
