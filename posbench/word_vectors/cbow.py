"""Continuous bag of words (Mikolov et al. 2013, arXiv 1301.3781): the mean of a window predicts its center."""

import dataclasses

import jax.numpy as jnp

from posbench.word_vectors import pairs, word2vec


@dataclasses.dataclass(frozen=True)
class Trainer(word2vec.Word2Vec):
    """The words around a center predict it by the mean of their vectors.

    As in word2vec's code and gensim, every word of the window gets the whole gradient of the mean, not its share; and
    as in the former, the rate is twice that of skip-gram.
    """

    learning_rate: word2vec.Rate = 0.05

    def pairs(self, found, x_BCD):
        inside_BTC = found.inside_BTC.astype(jnp.float32)
        size_BT = inside_BTC.sum(2)
        share_BTC = inside_BTC / jnp.maximum(size_BT, 1.0)[..., None]
        mean_BTD = pairs.product('BTC,BCD->BTD', share_BTC, x_BCD, self.products)
        return pairs.Pairs(mean_BTD, found.center_BT, (size_BT > 0).astype(jnp.float32), self.products)

    def to_context(self, found, gradient_BHD):
        inside_BTC = found.inside_BTC.astype(jnp.float32)
        return pairs.product('BTC,BTD->BCD', inside_BTC, gradient_BHD, self.products)
