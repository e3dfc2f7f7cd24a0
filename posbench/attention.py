"""Attention, once, for every encoding: scale, mask, online softmax over blocks of keys.

The dense path is the blockwise path with one block. With `block_size` no array holds all L M pairs: a scan over key
blocks from right to left keeps the running maximum, sum and output (Milakov & Gimelshein 2018, arXiv 1805.02867; Rabe &
Staats 2021, arXiv 2112.05682), and the body is recomputed in the backward pass, which keeps one maximum a query and
block.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from posbench.encodings import base

# Finite, because -inf - -inf is NaN; far below any logit, far above the lowest float32.
MASKED = -1e30


class Order(NamedTuple):
    """What may attend to what: token order and segments, never position ids.

    A token attends within its own segment; a negative segment is padding, which no token attends to. Causal attention
    compares `index`, the place of a token in its sequence (or in the cache).
    """

    index_BL: jax.Array
    segment_BL: jax.Array | None = None


def sequence_order(length: int, segment_ids_BL: jax.Array | None = None) -> Order:
    """The order of whole sequences of one length."""
    return Order(jnp.arange(length, dtype=jnp.int32)[None, :], segment_ids_BL)


def attend(
    q_BLHK: jax.Array,
    k_BMHK: jax.Array,
    v_BMHK: jax.Array,
    *,
    encoding: base.PositionEncoding,
    pos_q_BL: jax.Array,
    pos_k_BM: jax.Array,
    order_q: Order | None = None,
    order_k: Order | None = None,
    causal: bool = True,
    mask_BLM: jax.Array | None = None,
    block_size: int | None = None,
) -> jax.Array:
    """softmax(scale * rotate(q) · rotate(k) + bias + score) v, [B, L, H, K] in the dtype of q.

    Args:
      q_BLHK, k_BMHK, v_BMHK: projections, before any rotation; the scale is K^-1/2 for every encoding.
      encoding: a PositionEncoding, with its parameters bound if it has any.
      pos_q_BL, pos_k_BM: int32 positions; a leading 1 stands for positions that all rows share.
      order_q, order_k: the token order and segments that the mask follows; None: both are the same whole sequences.
      causal: a token attends to itself and to what came before it.
      mask_BLM: more to hide: True where attention is allowed.
      block_size: keys a block; None takes all keys at once. A last block that is not full is padded.

    A query that may attend to nothing gets 0. Raises ValueError where the order of queries and keys is not known.
    """
    if (order_q is None) != (order_k is None):
        raise ValueError('attend: got one of order_q and order_k, wanted both or neither.')
    if order_q is None:
        if q_BLHK.shape[1] != k_BMHK.shape[1]:
            raise ValueError(
                f'attend: got {q_BLHK.shape[1]} queries and {k_BMHK.shape[1]} keys; wanted order_q and order_k too.'
            )
        order_q = order_k = sequence_order(q_BLHK.shape[1])
    head_width = q_BLHK.shape[-1]
    q_BLHK = encoding.rotate(q_BLHK, pos_q_BL, 'query') * jnp.asarray(head_width**-0.5, q_BLHK.dtype)
    k_BMHK = encoding.rotate(k_BMHK, pos_k_BM, 'key')

    def one_block(carry, keys):
        return _accumulate(carry, keys, q_BLHK, pos_q_BL, order_q, encoding, causal)

    keys = _Keys(k_BMHK, v_BMHK, pos_k_BM, order_k, mask_BLM)
    if block_size is None or block_size >= k_BMHK.shape[1]:
        total = one_block(None, keys)
    else:
        batch, length, heads, _ = q_BLHK.shape
        nothing = _Running(
            maximum_BHL=jnp.full((batch, heads, length), MASKED, jnp.float32),
            sum_BHL=jnp.zeros((batch, heads, length), jnp.float32),
            out_BLHK=jnp.zeros((batch, length, heads, v_BMHK.shape[-1]), jnp.float32),
        )
        body = jax.checkpoint(lambda carry, block: (one_block(carry, block), None), prevent_cse=False)
        total, _ = jax.lax.scan(body, nothing, keys.split(block_size), reverse=True)
    # An empty row has sum 0 and output 0; divided by 1, its gradient is 0 too (divided by a tiny number, infinite).
    sum_BLH = jnp.swapaxes(total.sum_BHL, 1, 2)
    return (total.out_BLHK / jnp.where(sum_BLH > 0, sum_BLH, 1.0)[..., None]).astype(q_BLHK.dtype)


class _Running(NamedTuple):
    """Online softmax: exponentials are relative to the maximum seen so far."""

    maximum_BHL: jax.Array
    sum_BHL: jax.Array
    out_BLHK: jax.Array


class _Keys(NamedTuple):
    k_BMHK: jax.Array
    v_BMHK: jax.Array
    pos_BM: jax.Array
    order: Order
    mask_BLM: jax.Array | None

    def split(self, size: int) -> '_Keys':
        """Blocks along a new leading axis; padding keys belong to segment -1."""
        length = self.k_BMHK.shape[1]
        segment_BM = self.order.segment_BL
        if segment_BM is None and length % size:
            segment_BM = jnp.zeros((1, length), jnp.int32)
        keys = self._replace(order=Order(self.order.index_BL, segment_BM))

        def cut(x, axis, fill):
            padding = [(0, 0)] * x.ndim
            padding[axis] = (0, -length % size)
            x = jnp.pad(x, padding, constant_values=fill)
            blocks = x.reshape(*x.shape[:axis], -1, size, *x.shape[axis + 1 :])
            return jnp.moveaxis(blocks, axis, 0)

        order = Order(*(None if x is None else cut(x, 1, -1) for x in keys.order))
        mask = None if self.mask_BLM is None else cut(self.mask_BLM, 2, False)
        return _Keys(cut(self.k_BMHK, 1, 0), cut(self.v_BMHK, 1, 0), cut(self.pos_BM, 1, 0), order, mask)


def _accumulate(carry, keys, q_BLHK, pos_q_BL, order_q, encoding, causal) -> _Running:
    """Adds one block of keys to the running softmax; `carry` is None for the first block."""
    logits_BHLM = jnp.einsum('BLHK,BMHK->BHLM', q_BLHK, keys.k_BMHK, preferred_element_type=jnp.float32)
    bias_BHLM = encoding.bias(pos_q_BL, keys.pos_BM)
    if bias_BHLM is not None:
        logits_BHLM += bias_BHLM
    logits_BHLM = encoding.score(logits_BHLM, base.Block(q_BLHK, keys.k_BMHK, pos_q_BL, keys.pos_BM))
    allowed_BLM = _allowed(order_q, keys, causal)
    if allowed_BLM is not None:
        logits_BHLM = jnp.where(allowed_BLM[:, None], logits_BHLM, MASKED)

    highest_BHL = jax.lax.stop_gradient(logits_BHLM.max(axis=-1))
    if carry is not None:
        highest_BHL = jnp.maximum(highest_BHL, carry.maximum_BHL)
    # The anchor stays above MASKED, so that a row without any key has exponentials 0, not 1.
    anchor_BHL = jnp.maximum(highest_BHL, 0.1 * MASKED)
    weights_BHLM = jnp.exp(logits_BHLM - anchor_BHL[..., None])
    sum_BHL = weights_BHLM.sum(axis=-1)
    out_BLHK = jnp.einsum(
        'BHLM,BMHK->BLHK', weights_BHLM.astype(keys.v_BMHK.dtype), keys.v_BMHK, preferred_element_type=jnp.float32
    )
    if carry is not None:
        shrink_BHL = jnp.exp(jnp.maximum(carry.maximum_BHL, 0.1 * MASKED) - anchor_BHL)
        sum_BHL += shrink_BHL * carry.sum_BHL
        out_BLHK += jnp.swapaxes(shrink_BHL, 1, 2)[..., None] * carry.out_BLHK
    return _Running(highest_BHL, sum_BHL, out_BLHK)


def _allowed(order_q: Order, keys: _Keys, causal: bool) -> jax.Array | None:
    """bool [B or 1, L, M], or None where everything is allowed."""
    parts = []
    if causal:
        parts.append(order_q.index_BL[:, :, None] >= keys.order.index_BL[:, None, :])
    segment_k_BM = keys.order.segment_BL
    if segment_k_BM is not None:
        parts.append((segment_k_BM >= 0)[:, None, :])
        if order_q.segment_BL is not None:
            parts.append(order_q.segment_BL[:, :, None] == segment_k_BM[:, None, :])
    if keys.mask_BLM is not None:
        parts.append(keys.mask_BLM)
    if not parts:
        return None
    allowed = parts[0]
    for part in parts[1:]:
        allowed = allowed & part
    return allowed
