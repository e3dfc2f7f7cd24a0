"""Softmax over keys that come in blocks (Milakov & Gimelshein 2018, arXiv 1805.02867)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

# Finite, because -inf - -inf is NaN; far below any logit, far above the lowest float32.
MASKED = -1e30


class Running(NamedTuple):
    """What is known after some blocks; exponentials are relative to the maximum so far. None: no block was seen yet."""

    maximum_BHL: jax.Array | None = None
    sum_BHL: jax.Array | None = None
    out_BLHK: jax.Array | None = None

    def plus(self, shrink_BHL: jax.Array | None, more_BLHK: jax.Array) -> 'Running':
        """The output with that of one block more; earlier output shrinks as the maximum grows."""
        if self.out_BLHK is not None:
            more_BLHK += jnp.swapaxes(shrink_BHL, 1, 2)[..., None] * self.out_BLHK
        return self._replace(out_BLHK=more_BLHK)

    def divided(self) -> jax.Array:
        """float32 [B, L, H, K], the output once all blocks were seen."""
        # An empty row has sum 0 and output 0; divided by 1, its gradient is 0 too (divided by a tiny number, infinite).
        sum_BLH = jnp.swapaxes(self.sum_BHL, 1, 2)
        return self.out_BLHK / jnp.where(sum_BLH > 0, sum_BLH, 1.0)[..., None]


def start(q_BLHK: jax.Array, v_BMHK: jax.Array, sink_H: jax.Array | None) -> Running:
    """Before any key: nothing, or a sink, which is 1 relative to itself."""
    batch, length, heads, _ = q_BLHK.shape
    out_BLHK, shape_BHL = jnp.zeros((batch, length, heads, v_BMHK.shape[-1]), jnp.float32), (batch, heads, length)
    if sink_H is None:
        return Running(jnp.full(shape_BHL, MASKED, jnp.float32), jnp.zeros(shape_BHL, jnp.float32), out_BLHK)
    sink_BHL = jnp.broadcast_to(sink_H[:, None], shape_BHL)
    highest_BHL = jax.lax.stop_gradient(sink_BHL)
    return Running(highest_BHL, jnp.exp(sink_BHL - highest_BHL), out_BLHK)


def weigh(running: Running, logits_BHLM: jax.Array) -> tuple[Running, jax.Array, jax.Array | None]:
    """The running maximum and sum with one block more, its weights, and by how much earlier output shrinks."""
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
