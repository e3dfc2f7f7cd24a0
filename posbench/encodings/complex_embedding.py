"""Complex word vectors: each token is a wave, whose phase at a position depends on the position.

Wang et al. 2020 (arXiv 1912.12333, equation 6): channel c of word w at position p is r_wc exp(i (omega_wc p +
theta_wc)). A token vector of D channels is taken as D/2 complex numbers, whose trained polar form is amplitude r_wc
and initial phase theta_wc of each word, as in the paper. Left out are frequencies for each word, because no token ids
arrive here: omega_c is shared by all words. The layers above are real and get real and imaginary parts as channels of
their own, where the paper makes its Transformer complex.

It acts below the first layer.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from posbench.encodings import base
from posbench.encodings.parts import angles, spectra
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """(a + ib) exp(i omega_c pos) for channels a = x[c] and b = x[c + D/2].

    omega_c = theta^(-2c/D) exp(g_c / 16) with a trained g that starts at 0, or without g where not `trained`.
    Far positions multiply each step of g; the 16 is against that. What is trained is rounded to a float32, whose angles
    are then exact.
    """

    theta: Annotated[float, Range(above=0)] = 10_000.0
    trained: bool = True

    shift_invariant: ClassVar[bool] = False
    even_width: ClassVar[bool] = True
    embed_adds: ClassVar[bool] = False

    def setup(self):
        if self.trained:
            self.growth_C = self.param('growth', nn.initializers.zeros, (self.width // 2,))

    def embed(self, x_BLD, pos_BL):
        omega_C = spectra.geometric(self.theta, self.width)
        frequency_C = angles.frequency(omega_C)
        if self.trained:
            more_C = np.float32(omega_C) * jnp.expm1(self.growth_C / 16)
            frequency_C = angles.added(frequency_C, angles.frequency(more_C))
        cos, sin = angles.waves(pos_BL[..., None], frequency_C)
        a, b = jnp.split(x_BLD.astype(jnp.float32), 2, axis=-1)
        return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1).astype(x_BLD.dtype)
