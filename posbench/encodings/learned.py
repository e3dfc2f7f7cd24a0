"""One trained vector for each position, added to the token vectors.

Gehring et al. 2017 (arXiv 1705.03122). The table starts as large as the token vectors, which here is 1, as in BERT and
GPT-2, where both start at 0.02.
"""

from typing import Annotated, ClassVar, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """x += table[pos].

    Rows past the training length exist up to `max_length` and keep their initial values. Past the table there is
    nothing: `out_of_range='nan'` says so loudly, in every logit of a sequence that reaches there; `'clip'` repeats the
    last row.
    """

    max_length: Annotated[int, Range(min=1)] = 1024
    init_std: Annotated[float, Range(above=0)] = 1.0
    out_of_range: Literal['nan', 'clip'] = 'nan'

    shift_invariant: ClassVar[bool] = False

    def setup(self):
        self.table_RD = self.param('table', nn.initializers.normal(self.init_std), (self.max_length, self.width))

    def embed(self, x_BLD, pos_BL):
        return x_BLD + rows(jnp.asarray(self.table_RD), pos_BL, self.out_of_range).astype(x_BLD.dtype)


def rows(table_RD: jax.Array, pos_BL: jax.Array, out_of_range: str) -> jax.Array:
    """table[pos], [B, L, D]; outside of the table NaN or the nearest row."""
    pos_BL = base.whole(pos_BL)
    if out_of_range == 'clip':
        return table_RD.at[jnp.maximum(pos_BL, 0)].get(mode='clip')
    # A negative index would wrap to the end of the table before any mode applies.
    index_BL = jnp.where(pos_BL < 0, table_RD.shape[0], pos_BL)
    return table_RD.at[index_BL].get(mode='fill', fill_value=jnp.nan)
