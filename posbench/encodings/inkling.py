"""Inkling's relative bias: a bank of profiles over the distance, mixed for each token and head by its content.

Thinking Machines 2026; there is no paper, so that the code is the source (`InklingRelativeLogits` and
`InklingAttention` in transformers). Of the model's attention only the bias and the temperature are here: normalised
queries and keys are `config.model.qk_norm`, the scale stays K^-1/2 instead of 1/K, and the short convolutions of keys
and values, which carry position as well, are left out.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import by_distance
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """logits += (x W)[h] · bank[pos_q - pos_k] for 0 <= pos_q - pos_k < extent, with x what enters attention.

    With `floor` all logits are then multiplied by 1 + alpha ln((pos_q + 1) / floor), from position `floor` on. The
    model has 16 profiles over 1024 distances and trains on longer sequences; 128 is the training length here, so that
    each row of the bank is trained.
    """

    extent: Annotated[int, Range(min=1)] = 128
    profiles: Annotated[int, Range(min=1)] = 16
    floor: Annotated[int, Range(min=1)] | None = None
    alpha: Annotated[float, Range(above=0)] = 0.1
    init_std: Annotated[float, Range(above=0)] = 0.02

    per_layer: ClassVar[bool] = True

    @property
    def shift_invariant(self):
        return self.floor is None

    def setup(self):
        init = nn.initializers.variance_scaling(1.0, 'fan_in', 'normal', in_axis=0, out_axis=(1, 2))
        self.mixing_DHC = self.param('mixing', init, (self.width, self.heads, self.profiles))
        self.bank_RC = self.param('bank', nn.initializers.normal(self.init_std), (self.extent, self.profiles))

    def aux(self, x_BLD, pos_BL):
        weight_DHC = self.mixing_DHC.astype(x_BLD.dtype)
        return jnp.einsum('BLD,DHC->BLHC', x_BLD, weight_DHC, preferred_element_type=jnp.float32)

    def score(self, logits_BHLM, block, carry):
        def row(distance):
            return jnp.clip(distance, 0, self.extent - 1)

        term_BHLM = by_distance.products(block.aux_q, self.bank_RC, row, block.pos_q_BL, block.pos_k_BM)
        distance_BLM = block.pos_q_BL[:, :, None] - block.pos_k_BM[:, None, :]
        inside_BLM = (distance_BLM >= 0) & (distance_BLM < self.extent)
        logits_BHLM = logits_BHLM + jnp.where(inside_BLM[:, None], term_BHLM, 0.0)
        if self.floor is not None:
            times_BL = jnp.maximum((block.pos_q_BL.astype(jnp.float32) + 1.0) / self.floor, 1.0)
            logits_BHLM = logits_BHLM * (1.0 + self.alpha * jnp.log(times_BL))[:, None, :, None]
        return logits_BHLM, carry
