"""Sinusoids of row and column added to the token vectors.

Chen et al. 2021, "MoCo v3" (arXiv 2104.02057, section 4.1), and He et al. 2022, "MAE" (arXiv 2111.06377), for the
patches of an image.
"""

from typing import Annotated, ClassVar, Literal

import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import angles, spectra
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """x += [sin(row omega) | cos(row omega) | sin(column omega) | cos(column omega)], each of D/4 channels.

    omega_c = theta^(-4c/D). `frequencies='tensor2tensor'` reaches 1/theta exactly, as in the ViT of big_vision. Where
    D/2 is odd, the row gets two channels more.
    """

    theta: Annotated[float, Range(above=0)] = 10_000.0
    frequencies: Literal['vaswani', 'tensor2tensor'] = 'vaswani'

    axes: ClassVar[int] = 2
    shift_invariant: ClassVar[bool] = False
    even_width: ClassVar[bool] = True

    def embed(self, x_BLD, pos_BL):
        spectrum = spectra.geometric if self.frequencies == 'vaswani' else spectra.geometric_inclusive
        pairs, parts = self.width // 2, []
        for place_BL, count in zip(base.all_axes(pos_BL, self.axes), (pairs - pairs // 2, pairs // 2)):
            cos_BLC, sin_BLC = angles.waves(place_BL[..., None], spectrum(self.theta, 2 * count))
            parts += [sin_BLC, cos_BLC]
        return x_BLD + jnp.concatenate(parts, axis=-1).astype(x_BLD.dtype)
