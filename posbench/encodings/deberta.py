"""DeBERTa's disentangled attention: queries meet the distance to a key, and keys the distance to a query.

He et al. 2020 (arXiv 2006.03654, equations 2 to 4); logarithmic buckets are those of version 2 and 3 (He et al. 2021,
arXiv 2111.09543; `make_log_bucket_position` in transformers). The paper has one table for all layers and projections
of each layer; here each layer has its own table as well, which can be what the shared one is. Not here: absolute
positions before the last layers. The layer norm of the table and the projections shared with content of version 3 are
values that a table and its projections can have, and posbench.pretrained gives them.
"""

from typing import Annotated, ClassVar, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings import base
from posbench.encodings.parts import by_distance
from posbench.knobs import Range


def log_buckets(max_distance: int, buckets: int) -> np.ndarray:
    """int32 [max_distance + 1]: distances up to buckets / 2 as they are, then logarithmic up to `buckets` - 1.

    ValueError where no range is logarithmic.
    """
    exact = buckets // 2
    if max_distance - 1 <= exact:
        raise ValueError(f'deberta: got max_distance={max_distance}, wanted over {exact + 1} for {buckets} buckets.')
    distance = np.arange(max_distance + 1)
    ratio = np.log(np.maximum(distance, exact) / exact) / np.log((max_distance - 1) / exact)
    # A border belongs to the lower bucket, however the logarithms are rounded.
    coarse = exact + np.ceil(ratio * (exact - 1) - 1e-9).astype(np.int32)
    return np.where(distance <= exact, distance, coarse).astype(np.int32)


def row(distance: jax.Array, max_distance: int, buckets: int | None) -> jax.Array:
    """Row of the table for a distance: the middle one for 0, later ones for what lies before."""
    half = max_distance
    if buckets is not None:
        half, bucket_N = buckets, jnp.asarray(log_buckets(max_distance, buckets))
        distance = jnp.sign(distance) * bucket_N[jnp.minimum(jnp.abs(distance), max_distance)]
    return jnp.clip(distance + half, 0, 2 * half - 1)


class Encoding(base.PositionEncoding):
    """logits += (q_i · P_r(i - j) W_k + k_j · P_r(j - i) W_q) / sqrt(K), with P the table and r(d) a clipped distance.

    Distances of `max_distance` and more are one; with `buckets`, far ones share logarithmic buckets (256 in version 2
    and 3). `key_row='code'` gives the second term the row of i - j too, as the authors' code does, against equation 4.
    The scale stays that of all encodings here; `three_terms` divides all logits by sqrt(3), as the paper does.
    `biased` adds a bias to P W_k and P W_q, as the code of version 2 and 3 does.
    """

    max_distance: Annotated[int, Range(min=2, max=1_000_000)] = 512
    buckets: Annotated[int, Range(min=4)] | None = None
    key_row: Literal['paper', 'code'] = 'paper'
    three_terms: bool = False
    biased: bool = False
    init_std: Annotated[float, Range(above=0)] = 0.02

    per_layer: ClassVar[bool] = True

    @property
    def neutral_at_zero(self):
        return not self.three_terms

    def setup(self):
        rows = 2 * (self.buckets or self.max_distance)
        self.table_RD = self.param('table', nn.initializers.normal(self.init_std), (rows, self.width))
        init = nn.initializers.variance_scaling(1.0, 'fan_in', 'normal', in_axis=0, out_axis=(1, 2))
        shape = (self.width, self.heads, self.head_width)
        self.key_DHK = self.param('key', init, shape)
        self.query_DHK = self.param('query', init, shape)
        if self.biased:
            self.key_HK, self.query_HK = (
                self.param(f'{name}_bias', nn.initializers.zeros, shape[1:]) for name in ('key', 'query')
            )

    def score(self, logits_BHLM, block, carry):
        key_RHK = jnp.einsum('RD,DHK->RHK', self.table_RD, self.key_DHK)
        query_RHK = jnp.einsum('RD,DHK->RHK', self.table_RD, self.query_DHK)
        if self.biased:
            key_RHK, query_RHK = key_RHK + self.key_HK, query_RHK + self.query_HK
        # Queries of tokens come divided by sqrt(K), keys do not.
        query_RHK *= self.head_width**-0.5
        towards = 1 if self.key_row == 'paper' else -1

        def of_query(distance):
            return row(distance, self.max_distance, self.buckets)

        def of_key(distance):
            return row(towards * distance, self.max_distance, self.buckets)

        by_query_BHLM = by_distance.products(block.q_BLHK, key_RHK, of_query, block.pos_q_BL, block.pos_k_BM)
        by_key_BHML = by_distance.products(block.k_BMHK, query_RHK, of_key, block.pos_k_BM, block.pos_q_BL)
        logits_BHLM = logits_BHLM + by_query_BHLM + jnp.swapaxes(by_key_BHML, 2, 3)
        return logits_BHLM * 3**-0.5 if self.three_terms else logits_BHLM, carry
