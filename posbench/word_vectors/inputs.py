"""The input table: a row for each word, or, in fastText, one for each word and for each bucket of character n-grams.

fastText (Bojanowski et al. 2017, arXiv 1607.04606): the vector of a word is the mean of its own row and those of its
n-grams. As in its code, each of these rows gets the whole gradient of the mean, not its share.
"""

import jax
import jax.numpy as jnp
import numpy as np

from posbench.word_vectors import base, ngrams, rows

# n-grams that are looked up at once.
CHUNK = 4096


class Words(base.Prepared):
    """A row for each of the V words."""

    words_V: np.ndarray  # int32, 0 .. V-1

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return len(self.words_V)

    def vectors(self, table_VD: jax.Array, ids: jax.Array) -> jax.Array:
        """The vectors of words, [..., D]."""
        return rows.gather(table_VD, ids)

    def update(self, table_VD, squares_V, ids_N, gradient_ND, rate, cap):
        """As rows.update does, by the gradients of vectors of words."""
        return rows.update(table_VD, squares_V, ids_N, gradient_ND, rate, cap)


class Subwords(base.Prepared):
    """Rows of V words, and after them those of the buckets that these words fall into.

    The rows of word i, its own first, are row_F[first_V[i] : first_V[i + 1]].
    """

    row_F: np.ndarray  # int32
    first_V: np.ndarray  # int32 [V + 1]
    bucket_U: np.ndarray  # int32, the bucket of row V + u
    minn: int = base.static()
    maxn: int = base.static()
    buckets: int = base.static()

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return len(self.first_V) - 1 + len(self.bucket_U)

    def vectors(self, table_VD: jax.Array, ids: jax.Array) -> jax.Array:
        """The vectors of words, [..., D]; a word that comes often is put together once."""
        unique = _Unique.of(ids.ravel(), len(self.first_V) - 1)
        walk = _Walk.over(self, unique.words_N, unique.count)

        def add(sums_ND, slot_X, row_X, there_X):
            return rows.add(sums_ND, slot_X, rows.gather(table_VD, row_X) * there_X[:, None])

        sums_ND = walk.fold(add, jnp.zeros((ids.size, table_VD.shape[1])))
        means_ND = sums_ND / jnp.maximum(walk.sizes_N, 1)[:, None]
        return rows.gather(means_ND, unique.slot_V[ids])

    def update(self, table_VD, squares_V, ids_N, gradient_ND, rate, cap):
        """As rows.update does. The gradients of a word are added up first: one square, though so many for the cap."""
        unique = _Unique.of(ids_N, len(self.first_V) - 1)
        slot_N = unique.slot_V[ids_N]
        sums_ND = rows.add(jnp.zeros_like(gradient_ND), slot_N, gradient_ND)
        walk = _Walk.over(self, unique.words_N, unique.count)
        share_R = None
        if cap is not None:
            counts_N = rows.add(jnp.zeros(len(ids_N)), slot_N, rows.there(gradient_ND))
            total_R = walk.fold(
                lambda x_R, slot, row, there: rows.add(x_R, row, counts_N[slot] * there), jnp.zeros(self.rows)
            )
            share_R = jnp.minimum(1.0, cap / jnp.maximum(total_R, 1.0))

        def of_row(row_X, there_X):
            return there_X if share_R is None else there_X * rows.gather(share_R, row_X)

        if squares_V is not None:
            square_N = jnp.mean(sums_ND**2, axis=1)
            squares_V = walk.fold(
                lambda x_R, slot, row, there: rows.add(x_R, row, square_N[slot] * of_row(row, there) ** 2), squares_V
            )

        def step(table_VD, slot_X, row_X, there_X):
            scale_X = rate * of_row(row_X, there_X)
            if squares_V is not None:
                scale_X = scale_X * jax.lax.rsqrt(rows.gather(squares_V, row_X) + rows.EPSILON)
            return rows.add(table_VD, row_X, -scale_X[:, None] * rows.gather(sums_ND, slot_X))

        return walk.fold(step, table_VD), squares_V


class _Unique(base.Prepared):
    """The different words among N, in order: words_N[:count], and the place of each word there."""

    words_N: jax.Array
    slot_V: jax.Array
    count: jax.Array

    @classmethod
    def of(cls, ids_N: jax.Array, vocabulary: int) -> '_Unique':
        used_V = jnp.zeros(vocabulary, bool).at[ids_N].set(True)
        slot_V = jnp.cumsum(used_V, dtype=jnp.int32) - 1
        place_V = jnp.where(used_V, slot_V, len(ids_N))
        words_N = jnp.zeros(len(ids_N), jnp.int32).at[place_V].set(jnp.arange(vocabulary, dtype=jnp.int32), mode='drop')
        return cls(words_N, slot_V, slot_V[-1] + 1)


class _Walk(base.Prepared):
    """All rows of some words, one word after the other, CHUNK at a time."""

    inputs: Subwords
    words_N: jax.Array
    sizes_N: jax.Array  # rows of each word; 0 beyond the last
    ends_N: jax.Array

    @classmethod
    def over(cls, inputs: Subwords, words_N: jax.Array, count: jax.Array) -> '_Walk':
        first_V = jnp.asarray(inputs.first_V)
        sizes_N = jnp.where(jnp.arange(len(words_N)) < count, first_V[words_N + 1] - first_V[words_N], 0)
        return cls(inputs, words_N, sizes_N, jnp.cumsum(sizes_N))

    def fold(self, function, carry):
        """carry = function(carry, slots, rows, 1 or 0) for each chunk; slots are the places of the words in words_N."""
        total = self.ends_N[-1]
        first_V, row_F = jnp.asarray(self.inputs.first_V), jnp.asarray(self.inputs.row_F)

        def body(number, carry):
            place_X = number * CHUNK + jnp.arange(CHUNK, dtype=jnp.int32)
            there_X = place_X < total
            place_X = jnp.minimum(place_X, total - 1)
            slot_X = jnp.searchsorted(self.ends_N, place_X, side='right')
            within_X = place_X - (self.ends_N - self.sizes_N)[slot_X]
            row_X = row_F[first_V[self.words_N[slot_X]] + within_X]
            return function(carry, slot_X, row_X, there_X.astype(jnp.float32))

        return jax.lax.fori_loop(0, (total + CHUNK - 1) // CHUNK, body, carry)


def words(count: int) -> Words:
    """The plain table of so many words."""
    return Words(np.arange(count, dtype=np.int32))


def subwords(vocabulary: tuple[str, ...], minn: int, maxn: int, buckets: int) -> Subwords:
    """The rows of each word: its own, and those of its n-grams of minn .. maxn characters, hashed as fastText does."""
    bucket_G, sizes_V = ngrams.buckets(list(vocabulary), minn, maxn, buckets)
    bucket_U, row_G = np.unique(bucket_G, return_inverse=True)
    first_V = np.concatenate([[0], np.cumsum(sizes_V + 1)])
    row_F = np.empty(first_V[-1], np.int32)
    own_V = first_V[:-1]
    is_own_F = np.zeros(len(row_F), bool)
    is_own_F[own_V] = True
    row_F[own_V] = np.arange(len(vocabulary))
    row_F[~is_own_F] = len(vocabulary) + row_G
    return Subwords(row_F, first_V.astype(np.int32), bucket_U.astype(np.int32), minn, maxn, buckets)


def result(inputs: Words | Subwords, table_VD: np.ndarray, vocabulary: tuple[str, ...]) -> base.Result:
    """Vectors of the vocabulary, and with n-grams those of other words; buckets that no word falls into are 0."""
    if isinstance(inputs, Words):
        return base.Result(vocabulary, table_VD)
    of_words_VD = table_VD[: len(vocabulary)]
    vectors_BD = np.zeros((inputs.buckets, table_VD.shape[1]), np.float32)
    vectors_BD[inputs.bucket_U] = table_VD[len(vocabulary) :]
    grams = ngrams.NGrams(vectors_BD, of_words_VD, inputs.minn, inputs.maxn)
    return base.Result(vocabulary, grams.compose(list(vocabulary)), grams)
