"""Rotary embedding by angles that the tokens decide, added up along the sequence.

Movahedi et al. 2025 (arXiv 2511.17388, "Selective RoPE") as in the authors' code, where the angles come from the input
of the layer. It acts on queries and keys, and positions play no part.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import angles, heads, rotation, running, spectra
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """Pair c of token t turns by temperature * theta^(-2c/K) times the sum over tokens up to t of phi_c.

    phi = conv(W2 W1 x'), where x' is the input of the layer with the part of each head divided by its length, W1 has
    `rank` columns, and conv is a causal convolution of each channel over `kernel` tokens. `gated` multiplies phi by
    sigmoid(w · x' + b), one gate a head. Pairs are channels c and c + K/2.
    """

    theta: Annotated[float, Range(above=0)] = 500_000.0
    temperature: Annotated[float, Range(above=0)] = 1.0
    rank: Annotated[int, Range(min=1)] = 16
    kernel: Annotated[int, Range(min=1, max=64)] = 4
    gated: bool = False

    per_layer: ClassVar[bool] = True
    reads_positions: ClassVar[bool] = False
    reads_order: ClassVar[bool] = True
    needs_causal: ClassVar[bool] = True
    even_head_width: ClassVar[bool] = True

    def setup(self):
        channels = (self.heads, self.head_width // 2)
        self.down_DR = self.param('down', _uniform(1), (self.width, self.rank))
        self.up_RHC = self.param('up', _uniform(2), (self.rank, *channels))
        self.kernel_NHC = self.param('kernel', _uniform(2), (self.kernel, *channels))
        if self.gated:
            self.gate_DH = self.param('gate', _uniform(1), (self.width, self.heads))
            self.gate_bias_H = self.param('gate_bias', nn.initializers.zeros_init(), (self.heads,))

    def aux(self, x_BLD, pos_BL):
        x_BLHK = heads.cut(x_BLD.astype(jnp.float32), self.heads, self.head_width)
        x_BLHK *= jax.lax.rsqrt(jnp.square(x_BLHK).sum(axis=-1, keepdims=True) + 1e-6)
        x_BLD = x_BLHK.reshape(x_BLD.shape)
        phi_BLHC = jnp.einsum('BLR,RHC->BLHC', x_BLD @ self.down_DR, self.up_RHC)
        if not self.gated:
            return phi_BLHC, None
        return phi_BLHC, nn.sigmoid(x_BLD @ self.gate_DH + self.gate_bias_H)[..., None]

    def accumulate(self, aux_BM, pos_BM, order):
        phi_BMHC, gate_BMH1 = aux_BM
        phi_BMHC = running.convolve(phi_BMHC, jnp.asarray(self.kernel_NHC), order)
        return running.total(phi_BMHC if gate_BMH1 is None else gate_BMH1 * phi_BMHC, order)

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        omega_C = self.temperature * spectra.geometric(self.theta, x_BLHK.shape[-1])
        return rotation.turn(x_BLHK, *angles.waves(aux, omega_C))


def _uniform(outputs: int):
    """Uniform within 1/sqrt(length of the first axis), as PyTorch starts its linear layers and convolutions."""
    return nn.initializers.variance_scaling(
        1 / 3, 'fan_in', 'uniform', in_axis=0, out_axis=tuple(range(1, 1 + outputs))
    )
