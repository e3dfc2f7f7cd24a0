"""xPos: a rotary embedding whose pairs fade with distance, the fast ones first.

Sun et al. 2022 (arXiv 2212.10554, section 3.2 and algorithm 1), with the exponents of the authors' torchscale, which
divides positions by 512. It acts on queries and keys.
"""

from typing import Annotated, ClassVar, Literal

import jax.numpy as jnp
import numpy as np

from posbench.encodings import base
from posbench.encodings.parts import angles, rotation, spectra
from posbench.knobs import Range

# Of the exponent, so that the product of such a power and a key is far inside float32. In blocks of queries that span
# less than 24,000 tokens only what lies this far before its query, with a weight below e^-60, ever reaches it.
FARTHEST = 60.0


class Encoding(base.PositionEncoding):
    """Pair c of q_i · k_j is turned by (i - j) theta^(-2c/K) and multiplied by zeta_c^((i - j) / scale_base).

    zeta_c = (2c/K + gamma) / (1 + gamma) is less than 1, so the product of a query and a key before it shrinks. That
    with a key after it grows: made for decoders. Only i - j counts, so both powers are taken from the first position of
    each block of queries, where they stay finite, and which no later token moves; the power of a position itself
    overflows at 64,000 tokens. `layout` is that of the rotary embedding, here by default as in torchscale.
    """

    theta: Annotated[float, Range(above=0)] = 10_000.0
    gamma: Annotated[float, Range(above=0)] = 0.4
    scale_base: Annotated[float, Range(above=0)] = 512.0
    layout: Literal['half', 'interleaved'] = 'interleaved'

    even_head_width: ClassVar[bool] = True

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        omega_C = spectra.geometric(self.theta, x_BLHK.shape[-1])
        return rotation.turn(x_BLHK, *angles.waves(pos_BL[..., None, None], omega_C), self.layout)

    def product(self, block, carry):
        first_B1 = block.pos_q_BL.min(axis=1, keepdims=True)
        q_BLHK = self._scaled(block.q_BLHK, block.pos_q_BL - first_B1)
        k_BMHK = self._scaled(block.k_BMHK, first_B1 - block.pos_k_BM)
        return super().product(block._replace(q_BLHK=q_BLHK, k_BMHK=k_BMHK), carry)

    def _scaled(self, x_BLHK, steps_BL):
        """x times zeta^(steps / scale_base), pair by pair."""
        head_width = x_BLHK.shape[-1]
        zeta_C = (np.arange(0, head_width, 2) / head_width + self.gamma) / (1 + self.gamma)
        exponent_BLC = steps_BL[..., None].astype(jnp.float32) * np.float32(np.log(zeta_C) / self.scale_base)
        scale_BLC = jnp.exp(jnp.clip(exponent_BLC, -FARTHEST, FARTHEST))
        if self.layout == 'half':
            scale_BLK = jnp.concatenate([scale_BLC, scale_BLC], axis=-1)
        else:
            scale_BLK = jnp.repeat(scale_BLC, 2, axis=-1)
        return (x_BLHK.astype(jnp.float32) * scale_BLK[:, :, None, :]).astype(x_BLHK.dtype)
