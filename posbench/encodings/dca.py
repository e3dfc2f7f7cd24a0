"""Dual chunk attention: distances that never exceed a chunk, with one rule within a chunk and two between chunks.

An et al. 2024 (arXiv 2402.17463, section 3.2, figure 2), where no distance exceeds `span` - 1. The released code
(HKUNLP/ChunkLlama, chunkllama_attn_replace.py) lets queries go one further, to `span`, and no further than 2s - 1
(`as_released`). It has a span of three quarters of the training length and a local window of a sixteenth; the defaults
here are for short sequences. In an encoder, a key in a later chunk counts as one in the same chunk.
"""

from typing import Annotated, ClassVar

import jax.numpy as jnp

from posbench.encodings.parts import remap
from posbench.knobs import Range


class Encoding(remap.Remap):
    """A key is rotated to j mod s, with chunks of s = span - local tokens, and a query, by where its key is, to

    i mod s in the same chunk, min(i mod s + s, span - 1) in the chunk before, span - 1 in earlier chunks.
    """

    span: Annotated[int, Range(min=2)] = 12
    local: Annotated[int, Range(min=1)] = 4
    as_released: bool = False

    shift_invariant: ClassVar[bool] = False
    copies = 3

    def places(self, pos_BL, role):
        chunk = self._chunk()
        inside_BL = pos_BL % chunk
        if role == 'key':
            return 3 * [inside_BL]
        farthest = self.span if self.as_released else self.span - 1
        beyond = min(2 * chunk - 1, farthest) if self.as_released else farthest
        return [inside_BL, jnp.minimum(inside_BL + chunk, farthest), jnp.full_like(pos_BL, beyond)]

    def which(self, pos_q, pos_k):
        chunk = self._chunk()
        return jnp.clip(pos_q // chunk - pos_k // chunk, 0, 2).astype(jnp.int32)

    def _chunk(self) -> int:
        if self.local >= self.span:
            raise ValueError(f'dca: got local={self.local}, wanted less than span={self.span}.')
        return self.span - self.local
