"""Position vectors in channels of their own: the last ones of the vector, which no token vector has.

An operator of introductory texts. A concatenation without a projection: what the first layer makes of both is left to
its own weights.
"""

from typing import Annotated

import jax.numpy as jnp

from posbench.inputs.combine import base
from posbench.knobs import Range


class Combination(base.Combination):
    """[x, p] with p in the last `channels`; the token vectors have the others, and the encoding is made so narrow."""

    channels: Annotated[int, Range(min=1)] = 32

    @property
    def token_width(self):
        if self.channels >= self.width:
            raise ValueError(
                f'config.input.combine.channels: got {self.channels}, wanted below config.model.width, which is '
                f'{self.width}'
            )
        return self.width - self.channels

    @property
    def embedded(self):
        return self.channels

    def __call__(self, x_BLT, pos, encoding):
        if self.channels % 2 and encoding.even_width:
            raise ValueError(
                f'config.input.combine.channels: got {self.channels}, wanted an even number, because the encoding '
                'works on pairs of channels'
            )
        vectors_BLP = self.vectors(pos, encoding).astype(self.dtype)
        if vectors_BLP.shape[-1] != self.channels:
            raise ValueError(
                f"config.input.combine.name: got 'reserve' and a body that makes position vectors of "
                f'{vectors_BLP.shape[-1]} channels, wanted one that makes them of {self.channels}'
            )
        vectors_BLP = jnp.broadcast_to(vectors_BLP, (*x_BLT.shape[:2], self.channels))
        return jnp.append(x_BLT, vectors_BLP, axis=-1)
