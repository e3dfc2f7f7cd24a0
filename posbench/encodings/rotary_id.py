"""RoPE-ID, "in distribution": half of the channels are turned, so fast that every angle occurs in training.

Wertheimer et al. 2026 (arXiv 2603.18017). From the abstract and the public reviews come half of the channels, the
first and third quarter (which are the first half of the pairs of layout 'half'), and full turns within the training
length; that frequencies are geometric between the fastest and the slowest is an assumption. The paper also lets logits
grow with the length, which is left to an encoding of its own.
"""

from typing import Annotated

import flax.linen as nn

from posbench.encodings import rotary
from posbench.encodings.parts import spectra
from posbench.knobs import Range


class Encoding(rotary.Rotation):
    """Rotary at frequencies from 1 to 2 pi slowest_turns / original_length for the first pairs, at 0 for the others.

    `share` of the pairs are turned; the slowest of them turns `slowest_turns` times within `original_length`, by
    default the training length of the default config.
    """

    share: Annotated[float, Range(above=0, max=1)] = 0.5
    original_length: Annotated[int, Range(min=7)] = 128
    slowest_turns: Annotated[float, Range(min=1)] = 1.0

    @nn.nowrap
    def spectrum(self, width, aux=None):
        return spectra.in_distribution(width, self.original_length, self.share, self.slowest_turns), 1.0
