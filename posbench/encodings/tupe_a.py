"""TUPE-A: positions attend to positions with projections of their own, untied from those of the tokens.

Ke et al. 2021 (arXiv 2006.15595, section 3.1). Both terms have the scale 1/sqrt(K) as for all others here; the paper
divides each by sqrt(2K). The special case of [CLS] (section 3.2) is left out: there is no such token here. The position
vectors are normalised first, and all layers share them and the projections, as in the authors' code (guolinke/TUPE).
"""

from typing import Annotated, ClassVar, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import base, learned
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """logits += (p_q U) · (p_k V) / sqrt(K), with p = LayerNorm(table[pos]).

    Past the table there is nothing: `out_of_range='nan'` says so in every logit of a query that reaches there;
    `'clip'` repeats the last row.
    """

    max_length: Annotated[int, Range(min=1)] = 1024
    init_std: Annotated[float, Range(above=0)] = 0.02
    out_of_range: Literal['nan', 'clip'] = 'nan'

    shift_invariant: ClassVar[bool] = False

    def setup(self):
        init, projection = nn.initializers.normal(self.init_std), (self.width, self.heads, self.head_width)
        self.table_RD = self.param('table', init, (self.max_length, self.width))
        self.norm_scale_D = self.param('norm_scale', nn.initializers.ones, (self.width,))
        self.norm_bias_D = self.param('norm_bias', nn.initializers.zeros, (self.width,))
        self.query_DHK = self.param('query', init, projection)
        self.key_DHK = self.param('key', init, projection)

    def bias(self, pos_q_BL, pos_k_BM):
        q_BHLK = jnp.einsum('BLD,DHK->BHLK', self._vectors(pos_q_BL), self.query_DHK) * self.head_width**-0.5
        k_BHMK = jnp.einsum('BMD,DHK->BHMK', self._vectors(pos_k_BM), self.key_DHK)
        return q_BHLK @ jnp.swapaxes(k_BHMK, -1, -2)

    def _vectors(self, pos_BL) -> jax.Array:
        rows_BLD = learned.rows(jnp.asarray(self.table_RD), pos_BL, self.out_of_range)
        centred_BLD = rows_BLD - rows_BLD.mean(axis=-1, keepdims=True)
        variance_BL1 = (centred_BLD**2).mean(axis=-1, keepdims=True)
        return self.norm_scale_D * centred_BLD * jax.lax.rsqrt(variance_BL1 + 1e-5) + self.norm_bias_D
