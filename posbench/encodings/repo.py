"""Rotary embedding at positions that are read off the tokens themselves, not counted.

Li et al. 2025, "RePo" (arXiv 2512.14391, section 3). It acts on queries and keys; order reaches attention through the
causal mask alone. The authors leave the first third of the layers to the ordinary rotary embedding (`by_layer` does
that), and train on from a model of it.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import angles, rotation, spectra
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """Pair c of a head turns by z theta^(-2c/K), where z, the head's position of a token, is (silu(x Wg) * (x Wc)) Wf.

    x is the input of the layer; Wg and Wc have D/reduction columns, at least one. Pairs are channels c and c + K/2.
    """

    theta: Annotated[float, Range(above=0)] = 500_000.0
    reduction: Annotated[int, Range(min=1)] = 8

    per_layer: ClassVar[bool] = True
    causal_only: ClassVar[bool] = True
    reads_positions: ClassVar[bool] = False
    even_head_width: ClassVar[bool] = True

    def setup(self):
        middle, init = max(self.width // self.reduction, 1), nn.initializers.lecun_normal()
        self.gate_DN = self.param('gate', init, (self.width, middle))
        self.content_DN = self.param('content', init, (self.width, middle))
        self.final_NH = self.param('final', init, (middle, self.heads))

    def aux(self, x_BLD, pos_BL):
        x_BLD = x_BLD.astype(jnp.float32)
        return (nn.silu(x_BLD @ self.gate_DN) * (x_BLD @ self.content_DN)) @ self.final_NH

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        omega_C = spectra.geometric(self.theta, x_BLHK.shape[-1])
        return rotation.turn(x_BLHK, *angles.waves(aux[..., None], omega_C))
