"""Layers of two kinds: rotary in most and nothing in every fourth, say, or two wavelengths of one rotation.

Yang et al. 2025 (arXiv 2501.18795), "RNoPE"; Llama 4 ("iRoPE"), Gemma 3 (two thetas).
"""

from typing import Annotated

import flax.linen as nn

from posbench.encodings import base, chain
from posbench.knobs import Range


class Encoding(chain.Encoding):
    """Layer number n has `second` where pattern[n % len(pattern)] is 1, else `first`.

    What either does below the first layer (`embed`) is done whatever the pattern says.
    """

    first: base.Nested = 'rotary'
    second: base.Nested = 'none'
    pattern: tuple[Annotated[int, Range(min=0, max=1)], ...] = (0, 0, 0, 1)

    @property
    def period(self):
        return len(self.pattern)

    @nn.nowrap
    def at(self, layer):
        name = ('first', 'second')[self.pattern[layer % len(self.pattern)]]
        return getattr(self, name), name

    def setup(self):
        if self.first.period > 1 or self.second.period > 1:
            raise ValueError('by_layer: got a plan of layers inside another one, wanted one plan, the outermost.')
