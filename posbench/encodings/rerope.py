"""ReRoPE: rotation up to a window, and beyond it the distance of the window itself, whatever the distance is.

Su 2023 (kexue.fm/archives/9708, code in bojone/rerope), with its leaky form, in which distances beyond the window grow
more slowly. The code also scales logits by log n, which here is the encoding `log_n` around this one; its window is
512, an eighth of the training length. As in the code, a key as far after its query, in an encoder, counts as one
before it.
"""

from typing import Annotated

import jax.numpy as jnp

from posbench.encodings.parts import remap
from posbench.knobs import Range


class Encoding(remap.Remap):
    """A distance r counts as r where |r| < window, else as window, or window + (r - window) / leak.

    With a leak, places lie between whole tokens and are float32: off by up to 2^-25 of themselves.
    """

    window: Annotated[int, Range(min=1)] = 16
    leak: Annotated[float, Range(min=1)] | None = None

    def places(self, pos_BL, role):
        if self.leak is None:
            return [pos_BL, jnp.full_like(pos_BL, self.window if role == 'query' else 0)]
        offset = self.window * (self.leak - 1) if role == 'query' else 0.0
        return [pos_BL, (pos_BL.astype(jnp.float32) + offset) / self.leak]

    def which(self, pos_q, pos_k):
        return jnp.abs(pos_q - pos_k) >= self.window
