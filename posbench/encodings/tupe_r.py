"""TUPE-R: TUPE-A and a bias for each bucket of distances, T5's, on top.

Ke et al. 2021 (arXiv 2006.15595, section 3.1). What is said of scale and [CLS] in tupe_a.py holds here.
"""

from typing import Annotated

import flax.linen as nn

from posbench.encodings import t5_bias, tupe_a
from posbench.encodings.parts import distance_bias
from posbench.knobs import Range


class Encoding(tupe_a.Encoding):
    """logits += (p_q U) · (p_k V) / sqrt(K) + relative[h, bucket(pos_q - pos_k)].

    The paper's encoder has buckets on both sides; a decoder leaves half of them unused.
    """

    buckets: Annotated[int, Range(min=4)] = 32
    max_distance: Annotated[int, Range(min=2)] = 128
    bidirectional: bool = True

    def setup(self):
        super().setup()
        self.relative_HR = self.param('relative', nn.initializers.normal(self.init_std), (self.heads, self.buckets))

    def bias(self, pos_q_BL, pos_k_BM):
        def relative(distance):
            return self.relative_HR[:, t5_bias.bucket(distance, self.buckets, self.max_distance, self.bidirectional)]

        return super().bias(pos_q_BL, pos_k_BM) + distance_bias.tabulated(relative, pos_q_BL, pos_k_BM)
