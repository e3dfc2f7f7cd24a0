"""Sinusoids of geometric wavelengths added to the token vectors.

Vaswani et al. 2017 (arXiv 1706.03762, section 3.5).
"""

from typing import Annotated, ClassVar, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import angles, spectra
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """x += PE[pos]: PE[p, 2c] = sin(p omega_c), PE[p, 2c+1] = cos(p omega_c).

    `layout='concat'` puts all sines before all cosines: the same values in another order of channels.
    `frequencies='tensor2tensor'` reaches 1/theta exactly, the other habit of the field.
    `learned_scale` multiplies PE by one trained number that starts at D^-1/2.
    """

    theta: Annotated[float, Range(above=0)] = 10_000.0
    layout: Literal['interleaved', 'concat'] = 'interleaved'
    frequencies: Literal['vaswani', 'tensor2tensor'] = 'vaswani'
    learned_scale: bool = False

    shift_invariant: ClassVar[bool] = False
    even_width: ClassVar[bool] = True

    def setup(self):
        if self.learned_scale:
            self.scale = self.param('scale', nn.initializers.constant(self.width**-0.5), ())

    def embed(self, x_BLD, pos_BL):
        return x_BLD + self.table(pos_BL).astype(x_BLD.dtype)

    def table(self, pos_BL: jax.Array) -> jax.Array:
        """The position vectors, float32 [B, L, D]."""
        spectrum = spectra.geometric if self.frequencies == 'vaswani' else spectra.geometric_inclusive
        cos_BLC, sin_BLC = angles.waves(pos_BL[..., None], spectrum(self.theta, self.width))
        if self.layout == 'concat':
            table_BLD = jnp.concatenate([sin_BLC, cos_BLC], axis=-1)
        else:
            table_BLD = jnp.stack([sin_BLC, cos_BLC], axis=-1).reshape(*pos_BL.shape, self.width)
        return self.scale * table_BLD if self.learned_scale else table_BLD
