"""Music Transformer: a trained vector for each distance backwards, not clipped, added to the key.

Huang et al. 2018 (arXiv 1809.04281, equation 3); it is Shaw et al.'s relative key with a row for every distance and no
relative values. Initial size, tables of each head and zeros past the table are those of the authors' code
(`dot_product_self_attention_relative_v2` of tensor2tensor). The paper's skewing is the way to look rows up in O(L R)
memory where positions rise by one; by_distance.py says why it is not used.
"""

from typing import Annotated, ClassVar, Literal

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import by_distance
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """logits += q · table[h, pos_q - pos_k] / sqrt(K); nothing for keys after the query.

    `share_heads` gives all heads of a layer one table. Distances of `max_length` and more have no row:
    `out_of_range='nan'` says so loudly, in every logit of a sequence that reaches there, 'clip' repeats the last row,
    and 'zero' adds nothing.
    """

    max_length: Annotated[int, Range(min=1)] = 1024
    share_heads: bool = False
    out_of_range: Literal['nan', 'clip', 'zero'] = 'nan'

    per_layer: ClassVar[bool] = True

    def setup(self):
        heads = () if self.share_heads else (self.heads,)
        init = nn.initializers.normal(self.head_width**-0.5)
        self.table = self.param('table', init, (self.max_length, *heads, self.head_width))

    def score(self, logits_BHLM, block, carry):
        def row(distance):
            return jnp.clip(distance, 0, self.max_length - 1)

        term_BHLM = by_distance.products(block.q_BLHK, self.table, row, block.pos_q_BL, block.pos_k_BM)
        distance_BLM = block.pos_q_BL[:, :, None] - block.pos_k_BM[:, None, :]
        if self.out_of_range != 'clip':
            past = jnp.nan if self.out_of_range == 'nan' else 0.0
            # Not a row of NaN in the table, which would reach the gradients of all other rows.
            term_BHLM = jnp.where((distance_BLM < self.max_length)[:, None], term_BHLM, past)
        return logits_BHLM + jnp.where((distance_BLM >= 0)[:, None], term_BHLM, 0.0), carry
