"""Attention, once, for every encoding: scale, mask, online softmax over blocks of keys.

The dense way is the blockwise way with one block. With `block_size` no array holds all L M pairs: for each block of
queries, a scan over the blocks of keys from right to left keeps the running maximum, sum and output (Milakov &
Gimelshein 2018, arXiv 1805.02867; Rabe & Staats 2021, arXiv 2112.05682) and what the encoding carries. Blocks that the
causal mask hides are skipped. Both loops are recomputed in the backward pass, so that memory grows with L alone.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from posbench import kernels
from posbench.encodings import base
from posbench.encodings.base import Order

# Finite, because -inf - -inf is NaN; far below any logit, far above the lowest float32.
MASKED = -1e30


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
    aux_q: Any = None,
    aux_k: Any = None,
    order_q: Order | None = None,
    order_k: Order | None = None,
    causal: bool = True,
    mask_BLM: jax.Array | None = None,
    block_size: int | None = None,
    fused: bool = False,
) -> jax.Array:
    """softmax(scale * rotate(q) · rotate(k) + bias + score) v, [B, L, H, K] in the dtype of q.

    Args:
      q_BLHK, k_BMHK, v_BMHK: projections, before any rotation; the scale is K^-1/2 for every encoding.
      encoding: a PositionEncoding, with its parameters bound if it has any.
      pos_q_BL, pos_k_BM: positions; a leading 1 stands for positions that all rows share.
      aux_q, aux_k: what the encoding's `accumulate` made of the tokens of queries and keys, if it has `aux`.
      order_q, order_k: the token order and segments that the mask follows; None: both are the same whole sequences.
      causal: a token attends to itself and to what came before it.
      mask_BLM: more to hide: True where attention is allowed.
      block_size: queries and keys a block; None takes all at once. A last block that is not full is padded.
      fused: leave whole sequences without a mask to the platform's kernel; see kernels.py for what it can do.

    A query that may attend to nothing gets 0. Raises ValueError where the order of queries and keys is not known, for
    an encoding that needs causal attention without it, and for one with both a halo and a carry.
    """
    if (order_q is None) != (order_k is None):
        raise ValueError('attend: got one of order_q and order_k, wanted both or neither.')
    whole = order_q is None or (order_q is order_k and order_q.segment_BL is None)
    if order_q is None:
        if q_BLHK.shape[1] != k_BMHK.shape[1]:
            raise ValueError(
                f'attend: got {q_BLHK.shape[1]} queries and {k_BMHK.shape[1]} keys; wanted order_q and order_k too.'
            )
        order_q = order_k = sequence_order(q_BLHK.shape[1])
    if encoding.needs_causal and not causal:
        raise ValueError('attend: got causal=False, wanted True: the encoding reads the tokens between query and key.')
    head_width = q_BLHK.shape[-1]
    scale = jnp.asarray(head_width**-0.5, q_BLHK.dtype)
    q_BLHK = encoding.rotate(q_BLHK, pos_q_BL, 'query', aux_q) * scale
    k_BMHK = encoding.rotate(k_BMHK, pos_k_BM, 'key', aux_k)
    if fused and whole and mask_BLM is None:
        return kernels.attend(q_BLHK, k_BMHK, v_BMHK, causal)
    if encoding.halo and jax.tree.leaves(encoding.first_carry(q_BLHK)):
        raise ValueError(
            'attend: got an encoding that sees keys beside a block and one that carries sums from block to block, '
            'wanted at most one of them: keys at a border would be counted twice.'
        )
    queries = _Queries(q_BLHK, pos_q_BL, aux_q, order_q)
    keys = _Keys(k_BMHK, v_BMHK, pos_k_BM, aux_k, order_k)
    if block_size is None or block_size >= max(q_BLHK.shape[1], k_BMHK.shape[1]):
        # All keys are one block; only its margins have to be made.
        if encoding.halo:
            keys = jax.tree.map(lambda blocks: blocks[0], keys.split(k_BMHK.shape[1], encoding.halo))
            mask_BLM = None if mask_BLM is None else _cut(mask_BLM, 2, k_BMHK.shape[1], encoding.halo, False)[0]
        total, _ = _accumulate((_Running(), encoding.first_carry(q_BLHK)), queries, keys, mask_BLM, encoding, causal)
        out_BLHK = _finish(total, encoding)
    else:
        out_BLHK = _blockwise(queries, keys, mask_BLM, encoding, causal, block_size)
    return out_BLHK.astype(v_BMHK.dtype)


def _blockwise(queries, keys, mask_BLM, encoding, causal, size: int) -> jax.Array:
    """float32 [B, L, H, K], by a loop over blocks of queries around a scan over blocks of keys."""
    (batch, length, heads, _), halo = queries.q_BLHK.shape, encoding.halo
    key_blocks, query_blocks, masks = keys.split(size, halo), queries.split(min(size, length)), None
    if mask_BLM is not None:
        rows_NBLM = _cut(mask_BLM, 1, min(size, length), 0, False)
        masks = jax.vmap(lambda rows_BLM: _cut(rows_BLM, 2, size, halo, False))(rows_NBLM)

    def of_queries(some_queries_and_masks):
        some_queries, masks = some_queries_and_masks

        def step(carry, some_keys_and_mask):
            some_keys, mask_BLM = some_keys_and_mask

            def add(carry):
                return _accumulate(carry, some_queries, some_keys, mask_BLM, encoding, causal)

            if not causal:
                return add(carry), None
            hidden = some_queries.order.index_BL.max() < some_keys.order.index_BL[:, halo:].min()
            return jax.lax.cond(hidden, lambda carry: carry, add, carry), None

        shape_BHL = (batch, heads, some_queries.q_BLHK.shape[1])
        nothing = _Running(
            maximum_BHL=jnp.full(shape_BHL, MASKED, jnp.float32),
            sum_BHL=jnp.zeros(shape_BHL, jnp.float32),
            out_BLHK=jnp.zeros((batch, shape_BHL[2], heads, keys.v_BMHK.shape[-1]), jnp.float32),
        )
        first = (nothing, encoding.first_carry(some_queries.q_BLHK))
        step = jax.checkpoint(step, prevent_cse=False)
        (total, _), _ = jax.lax.scan(step, first, (key_blocks, masks), reverse=True)
        return _finish(total, encoding)

    out_NBLHK = jax.lax.map(jax.checkpoint(of_queries, prevent_cse=False), (query_blocks, masks))
    out_BNLHK = jnp.moveaxis(out_NBLHK, 0, 1)
    return out_BNLHK.reshape(out_BNLHK.shape[0], -1, *out_BNLHK.shape[3:])[:, :length]


class _Running(NamedTuple):
    """Online softmax: exponentials are relative to the maximum seen so far. None: there was no block yet."""

    maximum_BHL: jax.Array | None = None
    sum_BHL: jax.Array | None = None
    out_BLHK: jax.Array | None = None


def _finish(total: _Running, encoding) -> jax.Array:
    if encoding.normaliser == 'exp':
        return total.out_BLHK
    # An empty row has sum 0 and output 0; divided by 1, its gradient is 0 too (divided by a tiny number, infinite).
    sum_BLH = jnp.swapaxes(total.sum_BHL, 1, 2)
    return total.out_BLHK / jnp.where(sum_BLH > 0, sum_BLH, 1.0)[..., None]


class _Queries(NamedTuple):
    q_BLHK: jax.Array
    pos_BL: jax.Array
    aux: Any
    order: Order

    def split(self, size: int) -> '_Queries':
        """Blocks along a new leading axis. The output of padding queries is thrown away."""
        return jax.tree.map(lambda x: _cut(x, 1, size, 0, 0), self)


class _Keys(NamedTuple):
    k_BMHK: jax.Array
    v_BMHK: jax.Array
    pos_BM: jax.Array
    aux: Any
    order: Order

    def split(self, size: int, halo: int) -> '_Keys':
        """Blocks along a new leading axis, with `halo` keys more on either side.

        Padding keys come after everything and belong to segment -1.
        """
        length, segment_BM = self.k_BMHK.shape[1], self.order.segment_BL
        if segment_BM is None and (length % size or halo):
            segment_BM = jnp.zeros((1, length), jnp.int32)
        blocks = jax.tree.map(lambda x: _cut(x, 1, size, halo, 0), self._replace(order=None))
        index_NBM = _cut(self.order.index_BL, 1, size, halo, jnp.iinfo(jnp.int32).max)
        segment_NBM = None if segment_BM is None else _cut(segment_BM, 1, size, halo, -1)
        return blocks._replace(order=Order(index_NBM, segment_NBM))


def _cut(x: jax.Array, axis: int, size: int, halo: int, fill) -> jax.Array:
    """Blocks of `size` along `axis`, with `halo` more on either side, stacked along a new leading axis."""
    count = -(-x.shape[axis] // size)
    padding = [(0, 0)] * x.ndim
    padding[axis] = (halo, count * size - x.shape[axis] + halo)
    x = jnp.pad(x, padding, constant_values=fill)
    if not halo:
        blocks = x.reshape(*x.shape[:axis], count, size, *x.shape[axis + 1 :])
        return jnp.moveaxis(blocks, axis, 0)
    starts = range(0, count * size, size)
    return jnp.stack([jax.lax.slice_in_dim(x, at, at + size + 2 * halo, axis=axis) for at in starts])


def _accumulate(carry, queries: _Queries, keys: _Keys, mask_BLM, encoding, causal: bool) -> tuple[_Running, Any]:
    """Adds one block of keys to (the running softmax, what the encoding carries)."""
    running, carried = carry
    allowed_BLM = _allowed(queries.order, keys.order, mask_BLM, causal)
    block = base.Block(
        queries.q_BLHK, keys.k_BMHK, queries.pos_BL, keys.pos_BM, queries.aux, keys.aux, allowed_BLM=allowed_BLM
    )
    logits_BHLM, carried = encoding.product(block, carried)
    bias_BHLM = encoding.bias(queries.pos_BL, keys.pos_BM)
    if bias_BHLM is not None:
        logits_BHLM += bias_BHLM
    logits_BHLM, carried = encoding.score(logits_BHLM, block, carried)
    if encoding.halo:
        block, logits_BHLM = _without_margins(block, encoding.halo), logits_BHLM[..., encoding.halo : -encoding.halo]
        keys = keys._replace(v_BMHK=keys.v_BMHK[:, encoding.halo : -encoding.halo])
    running, weights_BHLM, shrink_BHL = _weights(running, logits_BHLM, block.allowed_BLM, encoding.normaliser)
    out_BLHK = jnp.einsum(
        'BHLM,BMHK->BLHK', weights_BHLM.astype(keys.v_BMHK.dtype), keys.v_BMHK, preferred_element_type=jnp.float32
    )
    more_BLHK = encoding.value(weights_BHLM, block)
    if more_BLHK is not None:
        out_BLHK += more_BLHK
    if running.out_BLHK is not None:
        out_BLHK += jnp.swapaxes(shrink_BHL, 1, 2)[..., None] * running.out_BLHK
    return running._replace(out_BLHK=out_BLHK), carried


def _weights(running: _Running, logits_BHLM, allowed_BLM, normaliser: str):
    """The running maximum and sum with one block more, its weights, and by how much earlier output shrinks."""
    if allowed_BLM is not None:
        logits_BHLM = jnp.where(allowed_BLM[:, None], logits_BHLM, MASKED)
    if normaliser == 'exp':
        return running, jnp.exp(logits_BHLM), jnp.ones(logits_BHLM.shape[:3])
    highest_BHL = jax.lax.stop_gradient(logits_BHLM.max(axis=-1))
    if running.maximum_BHL is not None:
        highest_BHL = jnp.maximum(highest_BHL, running.maximum_BHL)
    # The anchor stays above MASKED, so that a row without any key has exponentials 0, not 1.
    anchor_BHL = jnp.maximum(highest_BHL, 0.1 * MASKED)
    weights_BHLM = jnp.exp(logits_BHLM - anchor_BHL[..., None])
    sum_BHL, shrink_BHL = weights_BHLM.sum(axis=-1), None
    if running.maximum_BHL is not None:
        shrink_BHL = jnp.exp(jnp.maximum(running.maximum_BHL, 0.1 * MASKED) - anchor_BHL)
        sum_BHL += shrink_BHL * running.sum_BHL
    return running._replace(maximum_BHL=highest_BHL, sum_BHL=sum_BHL), weights_BHLM, shrink_BHL


def _without_margins(block: base.Block, halo: int) -> base.Block:
    """A block without the keys beside it."""

    def inner(x):
        return x[:, halo:-halo]

    return block._replace(
        k_BMHK=inner(block.k_BMHK),
        pos_k_BM=inner(block.pos_k_BM),
        aux_k=jax.tree.map(inner, block.aux_k),
        allowed_BLM=block.allowed_BLM[..., halo:-halo],
    )


def _allowed(order_q: Order, order_k: Order, mask_BLM: jax.Array | None, causal: bool) -> jax.Array | None:
    """bool [B or 1, L, M], or None where everything is allowed."""
    parts = []
    if causal:
        parts.append(order_q.index_BL[:, :, None] >= order_k.index_BL[:, None, :])
    if order_k.segment_BL is not None:
        parts.append((order_k.segment_BL >= 0)[:, None, :])
        if order_q.segment_BL is not None:
            parts.append(order_q.segment_BL[:, :, None] == order_k.segment_BL[:, None, :])
    if mask_BLM is not None:
        parts.append(mask_BLM)
    if not parts:
        return None
    allowed = parts[0]
    for part in parts[1:]:
        allowed = allowed & part
    return allowed
