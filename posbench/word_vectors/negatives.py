"""Negative sampling (Mikolov et al. 2013, arXiv 1310.4546, equation 4), with negative words that a block shares.

For a pair of a vector x and a word w the paper's loss is -log σ(x·u_w) - sum of log σ(-x·u_n) over k words n, drawn
from the frequencies to the power 0.75. Here the pairs of a block share M such words, each counted k / M times:

    loss = sum over pairs of [ -log σ(x·u_w) - (k / M) · sum over the M words n of log σ(-x·u_n) ]

whose expectation, and that of its gradient, is the paper's, and which is three products of matrices. As in the paper,
and unlike in word2vec's code, a negative word that happens to be w is not left out.
"""

import jax
import jax.numpy as jnp
import numpy as np

from posbench.word_vectors import base, pairs, rows

POWER = 0.75


class Objective(base.Prepared):
    """Walker's alias table of the noise over V words: two numbers draw a word, whatever V is."""

    share_V: np.ndarray  # float32, how much of its cell a word keeps
    other_V: np.ndarray  # int32, who has the rest
    k: int = base.static()
    shared: int = base.static()  # M

    @property
    def outputs(self) -> int:
        """Rows of the output table: a word each."""
        return len(self.share_V)

    def draw(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        """int32 words, independent of each other."""
        cell_key, share_key = jax.random.split(key)
        cell = jax.random.randint(cell_key, shape, 0, len(self.share_V))
        return jnp.where(jax.random.uniform(share_key, shape) < self.share_V[cell], cell, self.other_V[cell])

    def gradients(self, of: pairs.Pairs, output_VD: jax.Array, keys_R: jax.Array) -> pairs.Gradients:
        """Those of the blocks of R rows, each with its key."""
        blocks = of.words_BT.shape[0] // keys_R.shape[0]
        negatives_RNM = jax.vmap(lambda key: self.draw(key, (blocks, self.shared)))(keys_R)
        return gradients(of, output_VD, negatives_RNM.reshape(-1, self.shared), self.k)


def objective(counts_V: np.ndarray, k: int, shared: int, power: float = POWER) -> Objective:
    """Noise by counts to a power, its table (Walker 1977) made in float64."""
    weights_V = counts_V.astype(np.float64) ** power
    share_V = weights_V / weights_V.sum() * len(weights_V)
    other_V = np.arange(len(weights_V), dtype=np.int32)
    small = [i for i in range(len(share_V)) if share_V[i] < 1]
    large = [i for i in range(len(share_V)) if share_V[i] >= 1]
    while small and large:
        poor, rich = small.pop(), large[-1]
        other_V[poor] = rich
        share_V[rich] -= 1 - share_V[poor]
        if share_V[rich] < 1:
            small.append(large.pop())
    # What is left differs from 1 by rounding alone.
    share_V[small + large] = 1.0
    return Objective(share_V.astype(np.float32), other_V, k, shared)


def gradients(of: pairs.Pairs, output_VD: jax.Array, negatives_BM: jax.Array, k: int) -> pairs.Gradients:
    """The loss of blocks with these negative words, and its gradients."""
    words_BTD, negatives_BMD = rows.gather(output_VD, of.words_BT), rows.gather(output_VD, negatives_BM)
    logits = of.logits(words_BTD)
    logits_BHM = pairs.product('BHD,BMD->BHM', of.vectors_BHD, negatives_BMD, of.dtype)
    weights_BH1 = of.per_vector_BH[..., None] * (k / negatives_BM.shape[1])

    def loss(weights, logits, weights_BH1, logits_BHM):
        negative_BHM = weights_BH1 * jax.nn.softplus(logits_BHM)
        return jnp.sum(weights * jax.nn.softplus(-logits)) + jnp.sum(negative_BHM)

    down, up_BHM = -of.weights * jax.nn.sigmoid(-logits), weights_BH1 * jax.nn.sigmoid(logits_BHM)
    to_vectors_BHD = of.to_vectors(down, words_BTD) + pairs.product('BHM,BMD->BHD', up_BHM, negatives_BMD, of.dtype)
    to_negatives_BMD = pairs.product('BHM,BHD->BMD', up_BHM, of.vectors_BHD, of.dtype)
    return pairs.Gradients(
        of.measured(loss, of.weights, logits, weights_BH1, logits_BHM),
        to_vectors_BHD,
        sparse=[(of.words_BT, of.to_rows(down)), (negatives_BM, to_negatives_BMD)],
    )
