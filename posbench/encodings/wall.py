"""Wall attention: a forget gate for every channel of a head, so that some channels reach far and others do not.

Averbuch and Pai 2026 (Tilde Research; no paper, so the source is `WallAttention` in flash-linear-attention, which the
authors contributed). Its operation takes a sink for each head, which its layer leaves out.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import base, fox
from posbench.encodings.base import Order
from posbench.encodings.parts import running
from posbench.knobs import Range

# Keys with one anchor.
TOGETHER = 32
# exp of it, times any query or key, is still a float32.
STEEPEST = 80.0
# About exp(40), and exact: small keys times exp(-80) would be lost.
HALFWAY = 2.0**58


def faded_products(q_BLHK, k_BMHK, total_BLHK: running.Total, total_BMHK: running.Total) -> jax.Array:
    """Sum over channels of q k exp(P_i - P_j), float32 [B, H, L, M], in products of matrices.

    exp(P_i - A) exp(A - P_j) would overflow for an anchor A far from both, so that each `TOGETHER` keys have one of
    their own: their smallest P. Then A - P_j <= 0, and P_i - A > 0 only for queries among those keys. The result is
    exact up to rounding while P falls by at most `STEEPEST` over these keys, 2.5 a token. Where it falls by more, keys
    that are further above the anchor do not fade among themselves: still finite, at most |q k|, and exact for a token
    with itself.
    """
    length, size = k_BMHK.shape[1], min(TOGETHER, k_BMHK.shape[1])
    count = -(-length // size)

    def parts(x_BMHK):
        x_BMHK = jnp.pad(x_BMHK, [(0, 0), (0, count * size - length), (0, 0), (0, 0)])
        return x_BMHK.reshape(x_BMHK.shape[0], count, size, *x_BMHK.shape[2:])

    k_BNMHK, total_BNMHK = parts(k_BMHK), jax.tree.map(parts, total_BMHK)
    total_BL1HK = jax.tree.map(lambda x_BLHK: x_BLHK[:, :, None], total_BLHK)
    # What fills up a block has P = 0, and no P is larger: it is never the anchor. Where the anchor is does not matter.
    lowest_BN1HK = jax.lax.stop_gradient(total_BNMHK.sum.min(axis=2, keepdims=True))
    anchor_BN1HK = running.Total(lowest_BN1HK, jnp.zeros_like(lowest_BN1HK))
    anchor_B1NHK = jax.tree.map(lambda x_BN1HK: jnp.swapaxes(x_BN1HK, 1, 2), anchor_BN1HK)
    older_BNMHK = jnp.exp(jnp.maximum(running.between(anchor_BN1HK, total_BNMHK), -STEEPEST)) * HALFWAY
    newer_BLNHK = jnp.exp(jnp.minimum(running.between(total_BL1HK, anchor_B1NHK), STEEPEST)) / HALFWAY
    logits_BHLNM = jnp.einsum('BLNHK,BNMHK->BHLNM', q_BLHK[:, :, None] * newer_BLNHK, k_BNMHK * older_BNMHK)
    return logits_BHLNM.reshape(*logits_BHLNM.shape[:3], -1)[..., :length]


class Encoding(base.PositionEncoding):
    """logit_ij = sum over channels c of q_ic k_jc exp(P_ic - P_jc) / sqrt(K); P sums log sigmoid(x W + b) over tokens.

    b starts at `init_bias`, where a gate keeps 0.9997. `scalar_gate` adds FoX's gate of a head, with the same start;
    `sinks` adds a trained logit of no key, which starts at 0.
    """

    init_std: Annotated[float, Range(above=0)] = 0.02
    init_bias: float = 8.0
    scalar_gate: bool = False
    sinks: bool = False

    per_layer: ClassVar[bool] = True
    needs_causal: ClassVar[bool] = True
    reads_order: ClassVar[bool] = True
    reads_positions: ClassVar[bool] = False
    # A gate of sigmoid(0) halves at every token.
    neutral_at_zero: ClassVar[bool] = False

    def setup(self):
        weight, bias = nn.initializers.normal(self.init_std), nn.initializers.constant(self.init_bias)
        channels = self.heads * self.head_width
        self.weight_DD = self.param('weight', weight, (self.width, channels))
        self.bias_D = self.param('bias', bias, (channels,))
        if self.scalar_gate:
            self.scalar_weight_DH = self.param('scalar_weight', weight, (self.width, self.heads))
            self.scalar_bias_H = self.param('scalar_bias', bias, (self.heads,))

        if self.sinks:
            self.sink_H = self.param('sink', nn.initializers.zeros_init(), (self.heads,))

    def aux(self, x_BLD, pos_BL):
        gate_BLD = jax.nn.log_sigmoid(fox.project(x_BLD, self.weight_DD, self.bias_D))
        aux = {'channels': gate_BLD.reshape(*x_BLD.shape[:2], self.heads, self.head_width)}
        if self.scalar_gate:
            aux['head'] = jax.nn.log_sigmoid(fox.project(x_BLD, self.scalar_weight_DH, self.scalar_bias_H))
        return aux

    def accumulate(self, aux_BM, pos_BM, order):
        gate_BMHK = aux_BM['channels']
        gate_BMHK = jnp.where(running.real(order, gate_BMHK), gate_BMHK, 0.0)
        # Falls on from one document to the next, so that keys of two documents may have one anchor. What came before a
        # document is in all of its sums and cancels: left to the gradient, it would do so up to rounding alone.
        total_BMHK = jax.lax.stop_gradient(running.total(gate_BMHK, Order(order.index_BL)))
        within_BMHK = running.total(gate_BMHK, order).sum
        zero_BMHK = within_BMHK - jax.lax.stop_gradient(within_BMHK)
        so_far = {'channels': total_BMHK._replace(sum=total_BMHK.sum + zero_BMHK)}
        if self.scalar_gate:
            so_far['head'] = running.total(aux_BM['head'], order)
        return so_far

    def product(self, block, carry):
        q, k = block.q_BLHK.astype(jnp.float32), block.k_BMHK.astype(jnp.float32)
        totals = (block.aux_q['channels'], block.aux_k['channels'])
        return faded_products(q, k, *totals), carry

    def score(self, logits_BHLM, block, carry):
        if self.scalar_gate:
            logits_BHLM = logits_BHLM + fox.decay(block.aux_q['head'], block.aux_k['head'])
        return logits_BHLM, carry

    def sink(self):
        return jnp.asarray(self.sink_H, jnp.float32) if self.sinks else None
