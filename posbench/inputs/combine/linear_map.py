"""A linear map for each position: the token vector is multiplied by a matrix that belongs to its place.

The per-position linear transformation of introductory texts, which say what it costs but name no paper: D x D numbers a
position where a sum takes D, and nothing for a place that training never had.
"""

from typing import Annotated

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings import base as encodings
from posbench.inputs.combine import base
from posbench.knobs import Range


class Combination(base.Combination):
    """W_pos x with a trained W of each position up to `max_length`, and then what the encoding does below the layers.

    rank: W is the identity plus a product of D x rank and rank x D; None: D x D numbers. Either starts as the identity,
      the former exactly, the latter with noise of a tenth of its length.

    Past the table there is nothing: NaN, in every logit of a sequence that reaches there. [CLS] is at the first place.
    """

    max_length: Annotated[int, Range(min=1)] = 1024
    rank: Annotated[int, Range(min=1)] | None = None

    def setup(self):
        rows, width = self.max_length, self.width
        if self.rank is None:
            noise = nn.initializers.normal(0.1 * width**-0.5)
            self.maps_RDE = self.param(
                'maps', lambda rng, shape: jnp.eye(width) + noise(rng, shape), (rows, width, width)
            )
        else:
            self.down_RDK = self.param('down', nn.initializers.normal(width**-0.5), (rows, width, self.rank))
            self.up_RKD = self.param('up', nn.initializers.zeros, (rows, self.rank, width))

    @nn.nowrap
    def ends(self):
        return {'max_length': self.max_length}

    def __call__(self, x_BLT, pos, encoding):
        if encodings.coordinates(pos) > 1:
            raise ValueError(
                f"config.input.combine.name: got 'linear_map' and {encodings.coordinates(pos)} coordinates a token, "
                'wanted one, by which a map is looked up'
            )
        mapped_BLD = self._mapped(x_BLT, encodings.whole(encodings.axis(pos, 0)))
        return encoding.embed(mapped_BLD, pos)

    def _mapped(self, x_BLD, pos_BL):
        # A negative index would wrap to the end of the table before any mode applies.
        index_BL = jnp.where(pos_BL < 0, self.max_length, pos_BL)

        def rows(table):
            return jnp.asarray(table).at[index_BL].get(mode='fill', fill_value=jnp.nan).astype(self.dtype)

        def times(x_BLD, maps_BLDE):
            if maps_BLDE.shape[0] == 1:
                return jnp.einsum('BLD,LDE->BLE', x_BLD, maps_BLDE[0])
            return jnp.einsum('BLD,BLDE->BLE', x_BLD, maps_BLDE)

        if self.rank is None:
            return times(x_BLD, rows(self.maps_RDE))
        return x_BLD + times(times(x_BLD, rows(self.down_RDK)), rows(self.up_RKD))
