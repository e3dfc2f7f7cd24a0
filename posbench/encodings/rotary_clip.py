"""Clipped RoPE: the frequencies of the slowest pairs are tapered to 0, or cut.

Li et al. 2026 (arXiv 2602.05258), who call it CoPE; no relation to contextual position encoding.
"""

from typing import Annotated, Literal

import flax.linen as nn

from posbench.encodings import rotary
from posbench.encodings.parts import spectra
from posbench.knobs import Range


class Encoding(rotary.Encoding):
    """Rotary at omega times a window over the slowest n pairs: (1 + cos t) / 2 with t from 0 to pi, or 0 ('hard').

    n is `slowest`, or, if that is None, the number of pairs with periods longer than `original_length` (by default the
    training length of the default config), the criterion of the paper. The authors' code has n = 20 of the 64 pairs of
    Llama 3, of which 29 have periods beyond its 8192 tokens. The first of the n pairs keeps all of its frequency.
    """

    slowest: Annotated[int, Range(min=0)] | None = None
    original_length: Annotated[int, Range(min=7)] = 128
    window: Literal['cosine', 'hard'] = 'cosine'

    @nn.nowrap
    def spectrum(self, width, aux=None):
        slowest = self.slowest
        if slowest is None:
            slowest = spectra.slow_pairs(spectra.geometric(self.theta, width), self.original_length)
        return spectra.clipped(self.theta, width, slowest, self.window), 1.0
