"""Relative keys: a trained vector for each clipped distance, added to the key; and another one to the value.

Shaw et al. 2018 (arXiv 1803.02155, equations 3 and 4). The tables are shared by the heads of a layer, as in
tensor2tensor. Its translation models add to keys and values; keys alone, the default here, is what the paper's own
ablation found to be as good, and what was built upon later.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import by_distance
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """logits += q · table[clip(pos_k - pos_q, -max_distance, max_ahead)] / sqrt(K), and with `values` v += another one.

    `max_ahead` clips the distance to keys after the query, where it is not the same (None): 8 ahead and 64 behind in
    the encoder of Wav2Vec2-BERT.
    """

    max_distance: Annotated[int, Range(min=1, max=1_000_000)] = 16
    max_ahead: Annotated[int, Range(min=0, max=1_000_000)] | None = None
    values: bool = False

    per_layer: ClassVar[bool] = True

    def setup(self):
        shape = (self.max_distance + self._ahead() + 1, self.head_width)
        self.table_RK = self.param('table', nn.initializers.glorot_uniform(), shape)
        if self.values:
            self.values_RK = self.param('values', nn.initializers.glorot_uniform(), shape)

    def score(self, logits_BHLM, block, carry):
        term_BHLM = by_distance.products(block.q_BLHK, self.table_RK, self._row, block.pos_q_BL, block.pos_k_BM)
        return logits_BHLM + term_BHLM, carry

    def value(self, weights_BHLM, block):
        if not self.values:
            return None
        return by_distance.sums(weights_BHLM, self.values_RK, self._row, block.pos_q_BL, block.pos_k_BM)

    def _ahead(self):
        return self.max_distance if self.max_ahead is None else self.max_ahead

    def _row(self, distance):
        return jnp.clip(-distance, -self.max_distance, self._ahead()) + self.max_distance
