"""Attention of one sequence to another one: queries of a decoder, keys and values of what an encoder made.

Vaswani et al. 2017 (arXiv 1706.03762, section 3.2.3). No position encoding is at work: the positions of one sequence
say nothing about those of the other, and content brings its own along, as in T5 (arXiv 1910.10683).
"""

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.models import attention
from posbench.models.style import Style
from posbench.ops import linear


class Encoded(NamedTuple):
    """What an encoder made of a sequence of M tokens, and their segments; a negative one is padding.

    Where both sequences have segments, a token attends to those of its own one. None: all attend to all.
    """

    h_BMD: jax.Array
    segment_ids_BM: jax.Array | None = None


class CrossAttention(nn.Module):
    """softmax(q k^T / sqrt(K)) v, projected; keys are normalised like queries where `qk_norm` says so."""

    heads: int
    qk_norm: bool
    kernel_init: Callable
    block_size: int | None
    dtype: jnp.dtype
    style: Style

    @nn.compact
    def __call__(self, x_BLD: jax.Array, order_q: base.Order, encoded: Encoded) -> jax.Array:
        """[B, L, D] in `dtype`; `x_BLD` may be of another width than the encoder's output."""
        width, (length, keys) = x_BLD.shape[-1], (x_BLD.shape[1], encoded.h_BMD.shape[1])
        groups, head_width = self.style.widths(width, self.heads)
        q_BLHK = self._linear((self.heads, head_width), 'query')(x_BLD)
        k_BMGK, v_BMGK = (self._linear((groups, head_width), name)(encoded.h_BMD) for name in ('key', 'value'))
        if self.qk_norm:
            q_BLHK = self.style.normalise(self.dtype, 'query_norm')(q_BLHK)
            k_BMGK = self.style.normalise(self.dtype, 'key_norm')(k_BMGK)
        out_BLHK = attention.attend(
            q_BLHK,
            attention.for_every_head(k_BMGK, self.heads),
            attention.for_every_head(v_BMGK, self.heads),
            encoding=base.PositionEncoding(),
            pos_q_BL=jnp.zeros((1, length), jnp.int32),
            pos_k_BM=jnp.zeros((1, keys), jnp.int32),
            order_q=order_q,
            order_k=attention.sequence_order(keys, encoded.segment_ids_BM),
            causal=False,
            block_size=self.block_size,
        )
        return self._linear(width, 'out', axis=(-2, -1), kernel_init=self.kernel_init)(out_BLHK)

    def _linear(self, features, name, **fields):
        return linear.layer(features, self.dtype, use_bias=name in self.style.biased, name=name, **fields)
