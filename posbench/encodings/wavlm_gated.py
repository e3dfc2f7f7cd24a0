"""WavLM's gated bias: T5's bias, made stronger or weaker by what the query's token is.

Chen et al. 2022 (arXiv 2110.13900), after XLM-E (Chi et al. 2022, arXiv 2106.16138). The gate is that of the released
models (microsoft/unilm; transformers 5.23, models/wavlm): it reads the layer's input, cut into heads, and sums two
groups of four numbers. There one table of biases serves all layers; here each layer has its own beside its own gate.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import base, t5_bias
from posbench.encodings.parts import distance_bias, heads, perceptron
from posbench.knobs import Range
from posbench.ops import broadcast


class Encoding(base.PositionEncoding):
    """logits += g_h(x_q) table[h, bucket(pos_q - pos_k)], with g = a (b gain_h - 1) + 2 and a, b = sigmoid(W x_h + c).

    The paper's encoder has buckets on both sides; a decoder leaves half of them unused.
    """

    buckets: Annotated[int, Range(min=4)] = 320
    max_distance: Annotated[int, Range(min=2)] = 800
    bidirectional: bool = True

    per_layer: ClassVar[bool] = True

    def setup(self):
        self.table_HR = self.param('table', nn.initializers.glorot_normal(), (self.heads, self.buckets))
        init = perceptron.uniform(self.head_width)
        self.gate_kernel_K2N = self.param('gate_kernel', init, (self.head_width, 2, 4))
        self.gate_bias_2N = self.param('gate_bias', init, (2, 4))
        self.gain_H = self.param('gain', nn.initializers.ones, (self.heads,))

    def aux(self, x_BLD, pos_BL):
        x_BLHK = heads.cut(x_BLD.astype(jnp.float32), self.heads, self.head_width)
        open_BLH2 = jax.nn.sigmoid(x_BLHK @ self.gate_kernel_K2N.sum(axis=-1) + self.gate_bias_2N.sum(axis=-1))
        return open_BLH2[..., 0] * (open_BLH2[..., 1] * self.gain_H - 1.0) + 2.0

    def score(self, logits_BHLM, block, carry):
        def of_distance(distance):
            return self.table_HR[:, t5_bias.bucket(distance, self.buckets, self.max_distance, self.bidirectional)]

        bias_BHLM = distance_bias.tabulated(of_distance, block.pos_q_BL, block.pos_k_BM)
        return logits_BHLM + broadcast.times(jnp.swapaxes(block.aux_q, 1, 2)[..., None], bias_BHLM), carry
