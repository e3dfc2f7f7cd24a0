"""Greedy decoding with a cache, as a task is scored that wants what the model says token by token."""

from typing import Any

import jax
import jax.numpy as jnp

from posbench import positions
from posbench.models.model import Model
from posbench.tasks import base


def greedy(
    model: Model, params: dict, position_map: positions.PositionMap, key: jax.Array, batch: base.Batch
) -> jax.Array:
    """The likeliest token at every place, int32 of the targets' shape [B, L]; NOTHING where no logit tells. Traced.

    A token is given where its target's weight is 0; where it is not, the next token read is the one just said. The
    encoder of an encoder-decoder reads once. `batch` has positions; those that depend on tokens are made anew.
    """
    encoded = None
    if model.body.reads_source:
        encoded = model.apply(
            {'params': params},
            batch['source_BM'],
            batch['source_pos_BM'],
            batch.get('source_segment_ids_BM'),
            method='encode',
        )
    inputs_BL, segment_ids_BL = batch['inputs_BL'], batch.get('segment_ids_BL')
    rows, length = inputs_BL.shape
    # Positions with one row stand for all; a cache has a place for each row.
    cache = model.empty_cache(rows, length, batch['pos_BL'])

    def positions_of(read_BL) -> Any:
        if not position_map.needs_tokens:
            return batch['pos_BL']
        return position_map(key, rows, length, train=False, tokens_BL=read_BL, segment_ids_BL=segment_ids_BL)

    def at(x, place):
        return jax.tree.map(lambda x: jax.lax.dynamic_slice_in_dim(x, place, 1, axis=1), x)

    def one_token(carry, place):
        cache, read_BL = carry
        token_B1 = at(read_BL, place)
        segment_B1 = None if segment_ids_BL is None else at(segment_ids_BL, place)
        logits_B1V, cache = model.apply(
            {'params': params}, token_B1, at(positions_of(read_BL), place), segment_B1, cache=cache, encoded=encoded
        )
        likeliest_B = logits_B1V[:, 0].argmax(axis=-1).astype(jnp.int32)
        said_B = jnp.where(jnp.isnan(logits_B1V).any(axis=(1, 2)), base.NOTHING, likeliest_B)
        following = jnp.minimum(place + 1, length - 1)
        given_B = at(inputs_BL, following)[:, 0]
        is_own_B = (at(batch['weights_BL'], place)[:, 0] > 0) & (place + 1 < length)
        read_BL = jax.lax.dynamic_update_slice_in_dim(
            read_BL, jnp.where(is_own_B, likeliest_B, given_B)[:, None], following, axis=1
        )
        return (cache, read_BL), said_B

    # What the model has to say is hidden from positions that depend on tokens.
    is_own_BL = jnp.pad(batch['weights_BL'][:, :-1] > 0, ((0, 0), (1, 0)))
    first = cache, jnp.where(is_own_BL, 0, inputs_BL)
    _, said_LB = jax.lax.scan(one_token, first, jnp.arange(length, dtype=jnp.int32))
    return said_LB.T
