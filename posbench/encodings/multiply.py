"""Token vectors times position vectors, channel by channel, instead of their sum.

An operator of introductory texts, which no paper proposes for Transformers on its own; position vectors that multiply
are those of Wang et al. 2020 (arXiv 1912.12333) in complex numbers. It acts below the first layer.
"""

from typing import ClassVar

import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import wrapper


class Encoding(wrapper.Wrapper):
    """x * (1 + p), or x * p without `one_plus`; p is what `over` would add to the token vectors."""

    over: base.Nested = 'sinusoidal'
    one_plus: bool = True

    embed_adds: ClassVar[bool] = False

    def embed(self, x_BLD, pos_BL):
        vectors_BLD = self.vectors(pos_BL)
        return (x_BLD.astype(jnp.float32) * (vectors_BLD + self.one_plus)).astype(x_BLD.dtype)
