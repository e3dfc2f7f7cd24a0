"""FoPE, Fourier position embedding: each pair turns at a sum of frequencies, and the slowest ones not at all.

Hua et al. 2024 (arXiv 2412.17739, section 4). Details from the authors' code (class FourierEmbedding in a fork of
OLMo): coefficients of their own for each head, and for sines and cosines; fixed random numbers by default. There each
layer draws its own, here all layers have the same unless they are trained.
"""

from typing import Annotated, ClassVar, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings import rotary
from posbench.encodings.parts import angles, spectra
from posbench.knobs import Range


class Encoding(rotary.Encoding):
    """(a, b) becomes (a C - b S, b C + a S) with C_c = cos(pos omega_c) + sum over k of A_kc cos(pos omega_k).

    S is the same with sines and coefficients of its own. Only frequencies omega > 2 pi / original_length take part,
    where `original_length` is by default the training length of the default config. Coefficients have a standard
    deviation of sigma / sqrt(number of frequencies); they are fixed and drawn from `seed`, or, if `trained`, start
    like that, in every layer for itself. The authors have sigma from 0.3 (60M parameters) to 0.6 (1.2B).

    The other pairs stand `still` (C = 1, S = 0), which is what the paper says; the code pads both C and S with ones,
    `padded`, which doubles what these pairs add to the logits. (The code also turns no more than half of the pairs.)
    """

    original_length: Annotated[int, Range(min=7)] = 128
    sigma: Annotated[float, Range(min=0)] = 0.3
    trained: bool = False
    seed: Annotated[int, Range(min=0)] = 0
    rest: Literal['still', 'padded'] = 'still'

    # Products of two different frequencies depend on both positions.
    shift_invariant: ClassVar[bool] = False

    @property
    def neutral_at_zero(self):
        return self.trained and self.rest == 'still'

    @property
    def per_layer(self):
        return self.trained

    @nn.nowrap
    def frequencies(self, width: int) -> np.ndarray:
        """Those that take part."""
        return spectra.fourier(self.theta, width, self.original_length)

    @nn.nowrap
    def coefficients(self, count: int) -> jax.Array:
        """float32 [2, H, N, C], for cosines and for sines: from which frequency, to which pair."""
        if self.trained:
            return self.mixing
        drawn = np.random.default_rng(self.seed).normal(size=(2, self.heads, count, count))
        return jnp.asarray(self.sigma / count**0.5 * drawn, jnp.float32)

    def setup(self):
        if self.trained:
            count = len(self.frequencies(self.rotated(self.head_width)))
            init = nn.initializers.normal(self.sigma / count**0.5)
            self.mixing = self.param('mixing', init, (2, self.heads, count, count))

    @nn.nowrap
    def waves(self, pos_BL, width, aux=None):
        omega_C = self.frequencies(width)
        cos_BLC, sin_BLC = angles.waves(pos_BL[..., None], omega_C)
        cos_HNC, sin_HNC = self.coefficients(len(omega_C))
        slow = ((0, 0), (0, 0), (0, 0), (0, width // 2 - len(omega_C)))

        def mixed(wave_BLN, mixing_HNC, rest):
            # In float32 on every device: these are cosines, whose angles were worth float32 too.
            added_BLHC = jnp.einsum('BLN,HNC->BLHC', wave_BLN, mixing_HNC, precision='highest')
            return jnp.pad(wave_BLN[:, :, None] + added_BLHC, slow, constant_values=rest)

        rest = 0.0 if self.rest == 'still' else 1.0
        return mixed(cos_BLC, cos_HNC, 1.0), mixed(sin_BLC, sin_HNC, rest)
