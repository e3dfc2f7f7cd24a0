"""The position itself, times one trained vector, added to the token vectors: x + W p of introductory texts.

No paper proposes it. It shows what sinusoids and tables are good for: all positions lie on one line, and far ones drown
the tokens. It acts below the first layer.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings import base
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """x += ((pos + 1) / unit) direction: token number `unit` has the vector itself added."""

    unit: Annotated[float, Range(above=0)] = 128.0
    init_std: Annotated[float, Range(above=0)] = 1.0

    shift_invariant: ClassVar[bool] = False

    def setup(self):
        self.direction_D = self.param('direction', nn.initializers.normal(self.init_std), (self.width,))

    def embed(self, x_BLD, pos_BL):
        place_BL1 = ((pos_BL.astype(jnp.float32) + 1.0) / self.unit)[..., None]
        return x_BLD + (place_BL1 * self.direction_D).astype(x_BLD.dtype)
