"""GRAPE-AP: each token between query and key costs something, by how the query and that token match.

Zhang et al. 2025 (arXiv 2512.07805, path-integral additive GRAPE); widths, the normalisation of one side and the turn
by one radian a position are those of the authors' code (`llama-mha-grape-ap-v1`). Only the token in between is turned,
so that this encoding is not relative: the same tokens further on get another bias. `rotated=False` leaves it out.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings import alibi, base
from posbench.encodings.parts import angles, running
from posbench.knobs import Range
from posbench.ops import products

# Added to the mean square of a vector, so that zeros have a gradient.
TINY = 1e-6


class Encoding(base.PositionEncoding):
    """logits += slope_h times the sum over l = j+1 .. i of log sigmoid(p_i · R_l p̂_l / P), with p = x W of P channels.

    p̂ has mean square 1, R turns all pairs of channels by -pos radians, and the slopes are ALiBi's.
    """

    channels: Annotated[int, Range(min=1)] = 8
    rotated: bool = True

    per_layer: ClassVar[bool] = True
    needs_causal: ClassVar[bool] = True
    reads_order: ClassVar[bool] = True
    # A product of 0 halves what is left at every token, to the power of the slope.
    neutral_at_zero: ClassVar[bool] = False

    @property
    def shift_invariant(self):
        return not self.rotated

    @property
    def reads_positions(self):
        return self.rotated

    def setup(self):
        if self.rotated and self.channels % 2:
            raise ValueError(f'grape_ap: got channels={self.channels} with rotated, wanted an even number.')
        init = nn.initializers.normal(0.5 * self.width**-0.5)
        self.weight_DHP = self.param('weight', init, (self.width, self.heads, self.channels))

    def aux(self, x_BLD, pos_BL):
        return jnp.einsum('BLD,DHP->BLHP', x_BLD.astype(jnp.float32), self.weight_DHP)

    def accumulate(self, aux_BM, pos_BM, order):
        p_BMHP = aux_BM
        unit_BMHP = p_BMHP * jax.lax.rsqrt(jnp.mean(jnp.square(p_BMHP), axis=-1, keepdims=True) + TINY)
        if self.rotated:
            cos, sin = angles.waves(pos_BM[:, :, None, None], np.ones(1))
            a, b = jnp.split(unit_BMHP, 2, axis=-1)
            unit_BMHP = jnp.concatenate([a * cos + b * sin, b * cos - a * sin], axis=-1)
        return {'query': p_BMHP, 'between': unit_BMHP}

    def first_carry(self, q_BLHK):
        """The sum of what all tokens so far cost."""
        return jnp.zeros((q_BLHK.shape[0], q_BLHK.shape[2], q_BLHK.shape[1]), jnp.float32)

    def score(self, logits_BHLM, block, carry):
        match_BHLM = products.scores(block.aux_q['query'] / self.channels, block.aux_k['between'])
        slope_H = jnp.asarray(alibi.slopes(self.heads), jnp.float32)
        cost_BHLM = slope_H[:, None, None] * running.log_sigmoid(match_BHLM)
        cost_BHLM = jnp.where(block.allowed_BLM[:, None], cost_BHLM, 0.0)
        above_BHLM = running.above(cost_BHLM)
        return logits_BHLM + carry[..., None] + above_BHLM, carry + above_BHLM[..., 0] + cost_BHLM[..., 0]
