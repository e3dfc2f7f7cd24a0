"""Distances that rotation was trained on, in place of those that it was not: what ReRoPE, Self-Extend and DCA share.

Queries and keys are rotated to several places, the copies stand side by side along K, and each pair of tokens takes its
logit from one of the copies. They are made for models that were trained with plain rotation; from the start on they are
encodings like others.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import wrapper
from posbench.ops import products


class Remap(wrapper.Wrapper):
    """q · k of one of `copies` pairs of rotated vectors; `over` rotates and does nothing else to queries and keys."""

    over: base.Nested = 'rotary'

    # Not annotated, because it is no option.
    copies = 2

    @nn.nowrap
    def check_positions(self, pos):
        super().check_positions(pos)
        if base.coordinates(pos) > 1:
            raise ValueError(
                f'positions: got {base.coordinates(pos)} coordinates a token, wanted one, because distances of more '
                "are not remapped; put 'on_axis' around the remap, or choose another config.positions.name."
            )

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        rotated = [self.over.rotate(x_BLHK, place_BL, role, aux) for place_BL in self.places(pos_BL, role)]
        return jnp.concatenate(rotated, axis=-1)

    def product(self, block, carry):
        if any(self.over.has(hook) for hook in ('product', 'score', 'value')):
            raise ValueError('over: got an encoding that reads queries and keys, wanted one that only rotates them.')
        pairs = zip(*(jnp.split(x, self.copies, axis=-1) for x in (block.q_BLHK, block.k_BMHK)))
        logits = [products.scores(q, k) for q, k in pairs]
        which_BLM = self.which(block.pos_q_BL[:, :, None], block.pos_k_BM[:, None, :])
        return jax.lax.select_n(jnp.broadcast_to(which_BLM[:, None], logits[0].shape), *logits), carry

    def places(self, pos_BL: jax.Array, role: base.Role) -> list[jax.Array]:
        """Where each copy of a query or key is rotated to."""
        raise NotImplementedError

    def which(self, pos_q: jax.Array, pos_k: jax.Array) -> jax.Array:
        """The number of the copy that a query and a key take, int32 or bool."""
        raise NotImplementedError
