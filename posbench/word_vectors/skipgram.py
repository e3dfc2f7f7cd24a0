"""Skip-gram (Mikolov et al. 2013, arXiv 1301.3781 and 1310.4546): each word of a window predicts its center.

The paper lets the center predict the words of its window. The pairs are the same ones, but for which of the two drew
the window's reach; this is the way of word2vec's code and of gensim.
"""

import dataclasses

import jax.numpy as jnp

from posbench.word_vectors import pairs, word2vec


@dataclasses.dataclass(frozen=True)
class Trainer(word2vec.Word2Vec):
    """Each word around a center predicts it alone."""

    def pairs(self, found, x_BCD):
        weights_BCT = jnp.swapaxes(found.inside_BTC, 1, 2).astype(jnp.float32)
        return pairs.Pairs(x_BCD, found.center_BT, weights_BCT, self.products)

    def to_context(self, found, gradient_BHD):
        return gradient_BHD
