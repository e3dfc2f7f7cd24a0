"""Attention, once, for every encoding: scale, mask, online softmax over blocks of keys.

The dense way is the blockwise way with one block. With `block_size` no array holds all L M pairs: for each block of
queries, a scan over the blocks of keys from right to left keeps the running maximum, sum and output (Rabe & Staats
2021, arXiv 2112.05682) and what the encoding carries. Blocks that the causal mask hides are skipped. Both loops are
recomputed in the backward pass, so that memory grows with L alone. A backward pass written by hand, from the sums that
the forward pass could keep, took as long on a CPU; so autodiff serves every encoding, but for the two products.

With a `ring` the blocks lie on several devices; see ring.py.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.base import Order
from posbench.models import kernels
from posbench.models.ring import Ring
from posbench.ops import blocks, branches, broadcast, online_softmax, products


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
    bias_BHLM: jax.Array | None = None,
    block_size: int | None = None,
    fused: bool = False,
    turned: bool = False,
    ring: Ring | None = None,
) -> jax.Array:
    """softmax(scale * rotate(q) · rotate(k) + bias + score) v, [B, L, H, K] in the dtype of v.

    Args:
      q_BLHK, k_BMHK, v_BMHK: projections, before any rotation; the scale is K^-1/2 for every encoding.
      encoding: a PositionEncoding, with its parameters bound if it has any.
      pos_q_BL, pos_k_BM: positions; a leading 1 stands for positions that all rows share.
      aux_q, aux_k: what the encoding's `accumulate` made of the tokens of queries and keys; None for most.
      order_q, order_k: the token order and segments that the mask follows; None: both are the same whole sequences.
      causal: a token attends to itself and to what came before it.
      mask_BLM: more to hide: True where attention is allowed.
      bias_BHLM: what the encoding's `bias` gave, where it is known and all pairs are one block; None: it is asked.
      block_size: queries and keys a block; None takes all at once. A last block that is not full is padded.
      fused: leave whole sequences without a mask to the platform's kernel; see kernels.py for what it can do.
      turned: the keys were rotated before, when they came into a cache.
      ring: devices that share whole sequences; blocks are then at most what each has of one.

    A query that may attend to nothing gets 0, or what the encoding's `finish` makes of it. Raises ValueError where the
    order of queries and keys is not known, for an encoding that needs causal attention without it, for one with both a
    halo and a carry, for a sink in weights that are no softmax, and for what a ring cannot do.
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
    k_BMHK = k_BMHK if turned else encoding.rotate(k_BMHK, pos_k_BM, 'key', aux_k)
    if ring is not None:
        ring.check(whole=order_q is order_k and mask_BLM is None, causal=causal, carry=encoding.first_carry(q_BLHK))
    elif fused and whole and mask_BLM is None:
        return kernels.attend(q_BLHK, k_BMHK, v_BMHK, causal)
    if encoding.halo and jax.tree.leaves(encoding.first_carry(q_BLHK)):
        raise ValueError(
            'attend: got an encoding that sees keys beside a block and one that carries sums from block to block, '
            'wanted at most one of them: keys at a border would be counted twice.'
        )
    if encoding.normaliser == 'exp' and encoding.sink() is not None:
        raise ValueError('attend: got a sink with weights that are no softmax, wanted at most one of them.')
    own_v_BLHK = _values_of(order_q, order_k, v_BMHK) if encoding.has('finish') else None
    queries = _Queries(q_BLHK, pos_q_BL, base.per_token(lambda x: x, aux_q), order_q, own_v_BLHK)
    keys = _Keys(k_BMHK, v_BMHK, pos_k_BM, aux_k, order_k)
    if ring is None and one_block(block_size, q_BLHK.shape[1], k_BMHK.shape[1]):
        # All keys are one block; only its margins have to be made.
        if encoding.halo:
            block = jax.tree.map(lambda cut: cut[0], keys.split(k_BMHK.shape[1], encoding.halo))
            keys = block._replace(aux=base.with_whole(block.aux, keys.aux))
            mask_BLM = None if mask_BLM is None else blocks.cut(mask_BLM, 2, k_BMHK.shape[1], encoding.halo)[0]
        sink_H = encoding.sink()
        nothing = online_softmax.Running() if sink_H is None else online_softmax.start(q_BLHK, v_BMHK, sink_H)
        first = (nothing, encoding.first_carry(q_BLHK))
        last = _accumulate(first, queries, keys, mask_BLM, encoding, causal, bias_BHLM)
        out_BLHK = _finish(last, queries, encoding)
    else:
        out_BLHK = _blockwise(queries, keys, mask_BLM, encoding, causal, block_size, ring)
    return out_BLHK.astype(v_BMHK.dtype)


def for_every_head(x_BMGK: jax.Array, heads: int) -> jax.Array:
    """[B, M, H, K]: heads 0 .. H/G - 1 of queries share the first head of keys and values, and so on."""
    times = heads // x_BMGK.shape[2]
    return x_BMGK if times == 1 else jnp.repeat(x_BMGK, times, axis=2)


def one_block(block_size: int | None, length: int, keys: int) -> bool:
    """Whether `attend` treats all pairs at once."""
    return block_size is None or block_size >= max(length, keys)


def _blockwise(queries, keys, mask_BLM, encoding, causal, size: int | None, ring: Ring | None) -> jax.Array:
    """float32 [B, L, H, K], by a loop over blocks of queries around a scan over blocks of keys."""
    length, halo, devices = queries.q_BLHK.shape[1], encoding.halo, 1 if ring is None else ring.size
    if ring is not None:
        # Every device has as many, of queries and keys alike.
        size = min(size or length, -(-length // devices))
    query_size = min(size, length)
    key_blocks, query_blocks = keys.split(size, halo, devices), queries.split(query_size, devices)
    masks = None
    if mask_BLM is not None:
        rows_NBLM = blocks.cut(mask_BLM, 1, query_size)
        masks = jax.vmap(lambda rows_BLM: blocks.cut(rows_BLM, 2, size, halo))(rows_NBLM)

    def first(some_queries):
        nothing = online_softmax.start(some_queries.q_BLHK, keys.v_BMHK, encoding.sink())
        return nothing, encoding.first_carry(some_queries.q_BLHK)

    def read(so_far, some_queries, key_blocks, masks=None):
        def step(carry, some_keys_and_mask):
            some_keys, mask_BLM = some_keys_and_mask
            some_keys = some_keys._replace(aux=base.with_whole(some_keys.aux, keys.aux))

            def add(carry, queries, keys, mask_BLM, causal=causal):
                return _accumulate(carry, queries, keys, mask_BLM, encoding, causal)

            given = carry, some_queries, some_keys, mask_BLM
            if not causal:
                return add(*given), None
            index_BL, index_BM = some_queries.order.index_BL, some_keys.order.index_BL
            hidden, whole = index_BL.max() < index_BM[:, halo:].min(), index_BL.min() >= index_BM.max()
            # Nothing is done above the diagonal, and no causal mask made below it, unless the encoding may look at it.
            kinds = [lambda carry, *_: carry, add]
            if not any(map(encoding.has, ('product', 'score', 'value'))):
                kinds.append(functools.partial(add, causal=False))
            kind = jnp.where(hidden, 0, jnp.where(whole, len(kinds) - 1, 1))
            return branches.switch(kind, kinds, *given), None

        step = jax.checkpoint(step, prevent_cse=False)
        return jax.lax.scan(step, so_far, (key_blocks, masks), reverse=True)[0]

    if ring is None:

        def of_queries(some_queries_and_masks):
            some_queries, masks = some_queries_and_masks
            return _finish(read(first(some_queries), some_queries, key_blocks, masks), some_queries, encoding)

        out_NBLHK = jax.lax.map(jax.checkpoint(of_queries, prevent_cse=False), (query_blocks, masks))
    else:
        out_NBLHK = ring.turn(first, read, lambda *last: _finish(*last, encoding), query_blocks, key_blocks)
    out_BNLHK = jnp.moveaxis(out_NBLHK, 0, 1)
    return out_BNLHK.reshape(out_BNLHK.shape[0], -1, *out_BNLHK.shape[3:])[:, :length]


def _finish(last: tuple[online_softmax.Running, Any], queries: '_Queries', encoding) -> jax.Array:
    total, carried = last
    out_BLHK = total.divided() if encoding.normaliser == 'softmax' else total.out_BLHK
    if queries.own_v_BLHK is None:
        return out_BLHK
    return encoding.finish(out_BLHK, queries.own_v_BLHK.astype(jnp.float32), carried)


def _values_of(order_q: Order, order_k: Order, v_BMHK: jax.Array) -> jax.Array:
    """The values of the queries' own tokens, found among the keys by their place in the sequence, [B, L, H, K]."""
    if order_q is order_k:
        return v_BMHK

    def of_row(index_L, index_M):
        stored_M = jnp.argsort(index_M)
        return stored_M[jnp.searchsorted(index_M[stored_M], index_L)]

    rows = max(order_q.index_BL.shape[0], order_k.index_BL.shape[0])
    indices = (jnp.broadcast_to(index, (rows, index.shape[1])) for index in (order_q.index_BL, order_k.index_BL))
    return jnp.take_along_axis(v_BMHK, jax.vmap(of_row)(*indices)[:, :, None, None], axis=1, mode='clip')


class _Queries(NamedTuple):
    q_BLHK: jax.Array
    pos_BL: jax.Array
    aux: Any
    order: Order
    own_v_BLHK: jax.Array | None

    def split(self, size: int, multiple: int) -> '_Queries':
        """Blocks along a new leading axis, a multiple of them. The output of padding queries is thrown away."""
        return jax.tree.map(lambda x: blocks.cut(x, 1, size, multiple=multiple), self)


class _Keys(NamedTuple):
    k_BMHK: jax.Array
    v_BMHK: jax.Array
    pos_BM: jax.Array
    aux: Any
    order: Order

    def split(self, size: int, halo: int, multiple: int = 1) -> '_Keys':
        """Blocks along a new leading axis, a multiple of them, with `halo` keys more on either side, and without what
        is whole.

        Padding keys come after everything and belong to segment -1.
        """
        length, segment_BM = self.k_BMHK.shape[1], self.order.segment_BL
        if segment_BM is None and (length % (size * multiple) or halo):
            segment_BM = jnp.zeros((1, length), jnp.int32)
        parts = self._replace(order=None, aux=base.per_token(lambda x: x, self.aux))
        cut = jax.tree.map(lambda x: blocks.cut(x, 1, size, halo, multiple=multiple), parts)
        index_NBM = blocks.cut(self.order.index_BL, 1, size, halo, jnp.iinfo(jnp.int32).max, multiple)
        segment_NBM = None if segment_BM is None else blocks.cut(segment_BM, 1, size, halo, -1, multiple)
        return cut._replace(order=Order(index_NBM, segment_NBM))


def _accumulate(
    carry, queries: _Queries, keys: _Keys, mask_BLM, encoding, causal: bool, bias_BHLM: jax.Array | None = None
) -> tuple[online_softmax.Running, Any]:
    """Adds one block of keys to (the running softmax, what the encoding carries)."""
    running, carried = carry
    allowed_BLM = _allowed(queries.order, keys.order, mask_BLM, causal)
    block = base.Block(
        queries.q_BLHK, keys.k_BMHK, queries.pos_BL, keys.pos_BM, queries.aux, keys.aux, allowed_BLM=allowed_BLM
    )
    logits_BHLM, carried = encoding.product(block, carried)
    bias_BHLM = encoding.bias(queries.pos_BL, keys.pos_BM) if bias_BHLM is None else bias_BHLM
    if bias_BHLM is not None:
        logits_BHLM = logits_BHLM + broadcast.spread(bias_BHLM, logits_BHLM.shape)
    logits_BHLM, carried = encoding.score(logits_BHLM, block, carried)
    if encoding.halo:
        block, logits_BHLM = _without_margins(block, encoding.halo), logits_BHLM[..., encoding.halo : -encoding.halo]
        keys = keys._replace(v_BMHK=keys.v_BMHK[:, encoding.halo : -encoding.halo])
    if block.allowed_BLM is not None:
        logits_BHLM = jnp.where(block.allowed_BLM[:, None], logits_BHLM, online_softmax.MASKED)
    if encoding.normaliser == 'softmax':
        running, weights_BHLM, shrink_BHL = online_softmax.weigh(running, logits_BHLM)
    else:
        weights_BHLM, shrink_BHL = jnp.exp(logits_BHLM), jnp.ones(logits_BHLM.shape[:3])
    out_BLHK = products.mixed(weights_BHLM.astype(keys.v_BMHK.dtype), keys.v_BMHK)
    more_BLHK = encoding.value(weights_BHLM, block)
    if more_BLHK is not None:
        out_BLHK += more_BLHK
    return running.plus(shrink_BHL, out_BLHK), carried


def _without_margins(block: base.Block, halo: int) -> base.Block:
    """A block without the keys beside it."""

    def inner(x):
        return x[:, halo:-halo]

    return block._replace(
        k_BMHK=inner(block.k_BMHK),
        pos_k_BM=jax.tree.map(inner, block.pos_k_BM),
        aux_k=base.with_whole(base.per_token(inner, block.aux_k), block.aux_k),
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
