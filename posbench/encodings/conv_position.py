"""A convolution over the tokens before, added once to what enters the first layer: order without positions.

Baevski et al. 2020 (arXiv 2006.11477, section 2), wav2vec 2.0: kernel 128 in 16 groups, then a GELU. There the kernel
is centred; for a decoder it ends at the token itself. Its weight normalisation, another parametrisation, is left out.
"""

import math
from typing import Annotated, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import running
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """h_m += gelu(sum over n < kernel of W_n h_(m-n) + b) below the first layer, within a segment.

    W_n is block-diagonal with `groups` blocks: the greatest common divisor of `groups` and D, so that each block is
    square; as many groups as channels is a depthwise convolution.
    """

    kernel: Annotated[int, Range(min=2)] = 128
    groups: Annotated[int, Range(min=1)] = 16

    reads_positions: ClassVar[bool] = False
    reads_order: ClassVar[bool] = True

    def setup(self):
        groups = math.gcd(self.groups, self.width)
        shape = (self.kernel, groups, self.width // groups, self.width // groups)
        # As in wav2vec 2.0.
        std = (4 / (self.kernel * self.width)) ** 0.5
        self.kernel_NGIO = self.param('kernel', nn.initializers.normal(std), shape)
        self.bias_D = self.param('bias', nn.initializers.zeros, (self.width,))

    def enter(self, h_BLD, h_BMD, pos_BL, order_q, order_k, layer):
        def convolved(h_BLD):
            new_BLD = newest(nn.gelu(self._convolve(h_BMD, order_k), approximate=False), h_BLD, order_q)
            return h_BLD + new_BLD.astype(h_BLD.dtype)

        return jax.lax.cond(layer == 0, convolved, lambda h_BLD: h_BLD, h_BLD)

    def _convolve(self, h_BMD, order):
        """float32 [B, M, D]. One place further back at each step, so that no array holds all windows."""
        _, groups, inner, _ = self.kernel_NGIO.shape

        def add(carry, weight_GIO):
            sum_BMGO, moved_BMGI = carry
            sum_BMGO += jnp.einsum(
                'BMGI,GIO->BMGO', moved_BMGI, weight_GIO.astype(h_BMD.dtype), preferred_element_type=jnp.float32
            )
            return (sum_BMGO, running.before(moved_BMGI, order, 1)), None

        h_BMGI = running.before(h_BMD.reshape(*h_BMD.shape[:2], groups, inner), order, 0)
        first = (jnp.zeros(h_BMGI.shape, jnp.float32), h_BMGI)
        (sum_BMGO, _), _ = jax.lax.scan(add, first, self.kernel_NGIO)
        return sum_BMGO.reshape(h_BMD.shape) + self.bias_D


def newest(all_BMD: jax.Array, like_BLD: jax.Array, order_q: base.Order) -> jax.Array:
    """Those of the new tokens, [B, L, D], of what was computed for all tokens so far."""
    return jax.lax.dynamic_slice_in_dim(all_BMD, order_q.index_BL[0, 0], like_BLD.shape[1], axis=1)
