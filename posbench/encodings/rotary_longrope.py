"""LongRoPE: each pair has a divisor of its own, from one table for short sequences and another one for long ones.

Ding et al. 2024 (arXiv 2402.13753, equation 2 and section 3.3). The paper searches for the divisors of one pretrained
model; its published tables fit no other head width. The length is that of a token's own row and segment, from its
lowest to its highest position. (Hugging Face takes the highest one of the whole batch, so that a text depends on its
batch mates, and on where its positions begin.)
"""

import functools
from typing import Annotated, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import rotary, rotary_ntk_dynamic
from posbench.encodings.parts import angles, spectra
from posbench.knobs import Range


class Encoding(rotary.Encoding):
    """Rotary at the angle pos * omega_c / table_c; q and k times sqrt(1 + ln(factor) / ln(original_length)).

    The table is `short` up to `original_length` tokens (by default the training length of the default config), `long`
    beyond. A table has one number for each pair, or any other number of them: then the first one is that of the fastest
    pair, the last one that of the slowest, and the rest is interpolated linearly in the number of the pair. So the
    defaults are plain rotary for short sequences, and for long ones no interpolation of the fastest pair and all of
    `factor` for the slowest one, the trend of the tables that the paper found (its section 3.1). Keys are turned anew
    at each step of decoding, but what higher layers made of a text that was still short stays in a cache: past
    `original_length` more than one layer decode to other logits than reading at once.
    """

    factor: Annotated[float, Range(min=1)] = 8.0
    original_length: Annotated[int, Range(min=2)] = 128
    short: tuple[Annotated[float, Range(above=0)], ...] = (1.0,)
    long: tuple[Annotated[float, Range(above=0)], ...] = (1.0, 8.0)

    depends_on_length: ClassVar[bool] = True

    # Queries and keys grow by the attention factor.
    @property
    def neutral_at_zero(self):
        return self.factor == 1.0

    def accumulate(self, aux_BM, pos_BM, order):
        return rotary_ntk_dynamic.lengths(pos_BM, order)

    @nn.nowrap
    def spectrum(self, width, aux=None):
        """Without lengths: as if nothing was longer than `original_length`."""
        rule = (self.factor, self.original_length)
        short_C, attention = spectra.longrope(self.theta, width, self.short, *rule)
        if aux is None:
            return short_C, attention
        long_C, _ = spectra.longrope(self.theta, width, self.long, *rule)
        is_long_BL1 = (aux > self.original_length)[..., None]
        both = (angles.frequency(omega_C) for omega_C in (long_C, short_C))
        return jax.tree.map(functools.partial(jnp.where, is_long_BL1), *both), attention
