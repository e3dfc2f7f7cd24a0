"""Token-aware phase: query and key decide how fast their own logit swings as the distance between them grows.

Wang et al. 2025 (arXiv 2509.12635, equation 12), "TAPA". A head's first channels say how strong a logit is, and the
others by which phase it turns.
"""

import math
from typing import Annotated, ClassVar

import jax.numpy as jnp

from posbench.encodings import base
from posbench.knobs import Range
from posbench.ops import products


class Encoding(base.PositionEncoding):
    """logit = q_A · k_A / sqrt(A) * cos(2 pi |pos_q - pos_k|^exponent q_P · k_P / sqrt(P)), A + P = K.

    A is `amplitude_share` of the K channels, the paper's theta, and `exponent` its alpha; both as in section 4.1.
    """

    exponent: Annotated[float, Range(above=0)] = 0.1
    amplitude_share: Annotated[float, Range(above=0, below=1)] = 0.5

    # Channels of the phase are no part of the product.
    neutral_at_zero: ClassVar[bool] = False

    def product(self, block, carry):
        amplitude = round(self.amplitude_share * self.head_width)
        if not 0 < amplitude < self.head_width:
            raise ValueError(
                f'tapa: got amplitude_share={self.amplitude_share}, which is {amplitude} of {self.head_width} channels '
                'of a head; wanted at least one and not all.'
            )

        def dot(channels, count):
            q_BLHK, k_BMHK = block.q_BLHK[..., channels], block.k_BMHK[..., channels]
            product_BHLM = products.scores(q_BLHK, k_BMHK)
            # Queries are divided by sqrt(K) already.
            return product_BHLM * math.sqrt(self.head_width / count)

        strength_BHLM = dot(slice(amplitude), amplitude)
        phase_BHLM = dot(slice(amplitude, None), self.head_width - amplitude)
        distance_BLM = jnp.abs(block.pos_q_BL[:, :, None] - block.pos_k_BM[:, None, :]).astype(jnp.float32)
        turns_BHLM = (distance_BLM**self.exponent)[:, None] * phase_BHLM
        # Whole turns are taken off before pi rounds the rest.
        return strength_BHLM * jnp.cos(2 * math.pi * (turns_BHLM - jnp.round(turns_BHLM))), carry
