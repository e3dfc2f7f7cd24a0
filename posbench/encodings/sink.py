"""A sink: in each head a trained logit that belongs to no key, so that a query need not attend to anything.

OpenAI 2025, "gpt-oss-120b & gpt-oss-20b Model Card" (arXiv 2508.10925), as `sdpa` of openai/gpt-oss
(gpt_oss/torch/model.py) has it; a fixed logit of 0 is the softmax of Miller 2023 ("Attention Is Off By One",
evanmiller.org). Without one, heads attend to the first tokens instead (Xiao et al. 2023, arXiv 2309.17453). It says
nothing about positions: with `chain` it stands beside an encoding that does.
"""

from typing import ClassVar

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings import base


class Encoding(base.PositionEncoding):
    """weight_ij = exp(logit_ij) / (exp(s_h) + the sum of exp(logit_il) over the keys l), with s at first `initial`.

    The share of the sink adds nothing to the output. Not `trained`, s stays `initial`.
    """

    initial: float = 0.0
    trained: bool = True

    per_layer: ClassVar[bool] = True
    causal_only: ClassVar[bool] = True
    reads_positions: ClassVar[bool] = False
    # Its share is not 0 where all logits are.
    neutral_at_zero: ClassVar[bool] = False

    def setup(self):
        if self.trained:
            self.sink_H = self.param('sink', nn.initializers.constant(self.initial), (self.heads,))

    def sink(self):
        return jnp.asarray(self.sink_H, jnp.float32) if self.trained else jnp.full(self.heads, self.initial)
