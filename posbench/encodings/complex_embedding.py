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
import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import spectra
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """(a + ib) exp(i omega_c pos) for channels a = x[c] and b = x[c + D/2].

    omega_c = theta^(-2c/D) exp(g_c / 16) with a trained g that starts at 0, or without g where not `trained`.
    Far positions multiply each step of g; the 16 is against that.
    """

    theta: Annotated[float, Range(above=0)] = 10_000.0
    trained: bool = True

    shift_invariant: ClassVar[bool] = False
    even_width: ClassVar[bool] = True

    def setup(self):
        if self.trained:
            self.growth_C = self.param('growth', nn.initializers.zeros, (self.width // 2,))

    def embed(self, x_BLD, pos_BL):
        omega_C = jnp.asarray(spectra.geometric(self.theta, self.width), jnp.float32)
        cos, sin = _turn(pos_BL, omega_C * jnp.exp(self.growth_C / 16) if self.trained else omega_C)
        a, b = jnp.split(x_BLD.astype(jnp.float32), 2, axis=-1)
        return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1).astype(x_BLD.dtype)


def _turn(pos_BL: jax.Array, omega_C: jax.Array) -> tuple[jax.Array, jax.Array]:
    """cos and sin of pos * omega, float32 [B, L, C].

    A trained frequency is no round number, and a float32 product of 200 radians is off by 1e-5. Of its upper 12 bits
    the product is exact up to position 4096; what the lower ones add is a small angle.
    """
    bits_C = jax.lax.bitcast_convert_type(omega_C, jnp.uint32) & jnp.uint32(0xFFFFF000)
    coarse_C = jax.lax.stop_gradient(jax.lax.bitcast_convert_type(bits_C, jnp.float32))
    pos_BL1 = pos_BL.astype(jnp.float32)[..., None]
    coarse_BLC, rest_BLC = pos_BL1 * coarse_C, pos_BL1 * (omega_C - coarse_C)
    cos, sin, cos_rest, sin_rest = jnp.cos(coarse_BLC), jnp.sin(coarse_BLC), jnp.cos(rest_BLC), jnp.sin(rest_BLC)
    return cos * cos_rest - sin * sin_rest, sin * cos_rest + cos * sin_rest
