"""Full softmax over the vocabulary: what negative sampling and the tree approximate (arXiv 1310.4546, equation 2).

The loss of a pair of a vector x and a word w is -x·u_w + log of the sum over all words v of exp(x·u_v). Its gradient
reaches every row of the output table, so that this one is whole: for small vocabularies, and to compare with.
"""

import jax
import jax.numpy as jnp
import numpy as np

from posbench.word_vectors import base, pairs, rows

# Vectors whose logits are in memory at a time.
CHUNK = 512


class Objective(base.Prepared):
    """All V words."""

    words_V: np.ndarray  # int32, 0 .. V-1

    @property
    def outputs(self) -> int:
        """Rows of the output table: a word each."""
        return len(self.words_V)

    def gradients(self, of: pairs.Pairs, output_VD: jax.Array, keys_R: jax.Array) -> pairs.Gradients:
        """Those of the blocks; nothing is drawn."""
        words_BTD = rows.gather(output_VD, of.words_BT)
        vectors_BHD, width = of.vectors_BHD, output_VD.shape[1]
        vectors_ND, weight_N = vectors_BHD.reshape(-1, width), of.per_vector_BH.ravel()
        filled = -len(weight_N) % CHUNK
        chunks_XND = jnp.pad(vectors_ND, ((0, filled), (0, 0))).reshape(-1, CHUNK, width)
        chunks_XN = jnp.pad(weight_N, (0, filled)).reshape(-1, CHUNK)

        def of_chunk(dense_VD, chunk):
            x_ND, weight_N = chunk
            logits_NV = pairs.product('ND,VD->NV', x_ND, output_VD, of.dtype)
            total_N = jax.nn.logsumexp(logits_NV, axis=1)
            up_NV = weight_N[:, None] * jnp.exp(logits_NV - total_N[:, None])
            dense_VD = dense_VD + pairs.product('NV,ND->VD', up_NV, x_ND, of.dtype)
            return dense_VD, (jnp.sum(weight_N * total_N), pairs.product('NV,VD->ND', up_NV, output_VD, of.dtype))

        dense_VD, (total_X, up_XND) = jax.lax.scan(of_chunk, jnp.zeros_like(output_VD), (chunks_XND, chunks_XN))
        dense_VD = rows.add(dense_VD, of.words_BT.ravel(), of.to_rows(-of.weights).reshape(-1, width))
        up_BHD = up_XND.reshape(-1, width)[: len(weight_N)].reshape(vectors_BHD.shape)
        loss = total_X.sum() - jnp.sum(of.weights * of.logits(words_BTD))
        return pairs.Gradients(
            (loss, of.weights.sum()), up_BHD - of.to_vectors(of.weights, words_BTD), dense_VD=dense_VD
        )


def objective(counts_V: np.ndarray) -> Objective:
    """The softmax over as many words."""
    return Objective(np.arange(len(counts_V), dtype=np.int32))
