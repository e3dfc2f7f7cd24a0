"""Around another encoding, a temperature: the further a query is in its text, the sharper it attends.

The number of visible keys of a query is taken to be pos + 1, which it is for a decoder and positions 0, 1, 2, ...
within each document; randomized or shifted positions count as they are. Of several coordinates the first one counts.
"""

from typing import ClassVar

import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import wrapper


class Temperature(wrapper.Wrapper):
    """rotate(q) *= scale(pos): all that comes from q · k, relative keys too, but no bias of positions alone."""

    over: base.Nested = 'rotary'

    shift_invariant: ClassVar[bool] = False
    causal_only: ClassVar[bool] = False
    reads_positions: ClassVar[bool] = True

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        x_BLHK = self.over.rotate(x_BLHK, pos_BL, role, aux)
        if role == 'key':
            return x_BLHK
        # In float32: bfloat16 cannot tell ln 300 from ln 301.
        return (x_BLHK.astype(jnp.float32) * self.scale(base.axis(pos_BL, 0))[..., None]).astype(x_BLHK.dtype)

    def scale(self, pos_BL: jax.Array) -> jax.Array:
        """What a query is multiplied by, float32 [B, L, H], or [B, L, 1] for all heads."""
        raise NotImplementedError


def visible(pos_BL: jax.Array) -> jax.Array:
    """Keys that a query sees, float32, at least 1."""
    return jnp.maximum(pos_BL.astype(jnp.float32) + 1.0, 1.0)
