"""Rotary embedding along a position that the tokens make up: each one steps as far as it likes.

Zhang et al. 2025 (arXiv 2512.07805, section 3, contextual "GRAPE-M") as in the authors' code. It acts on queries and
keys, and positions play no part.
"""

import math
from typing import Annotated, ClassVar, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import angles, rotation, running, spectra
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """Pair c of token t turns by Phi_t omega_c, where Phi_t is the sum of gate(x) over the tokens before t.

    gate(x) = sigmoid((w · x + b) / gate_scale). Earlier code has gate = softplus and gate_scale = 1. In both b starts
    where a softplus is `init_step` and w at 0; the sigmoid of that b is 0.39. omega_c = theta^(-2c/K) exp(g_c) is
    learned, with g at first 0. `per_head`: a gate for each head, not one for all. Pairs are channels c and c + K/2.
    """

    theta: Annotated[float, Range(above=0)] = 10_000.0
    gate: Literal['sigmoid', 'softplus'] = 'sigmoid'
    gate_scale: Annotated[float, Range(above=0)] = 16.0
    init_step: Annotated[float, Range(above=0, max=100)] = 1e-3
    per_head: bool = False

    per_layer: ClassVar[bool] = True
    reads_positions: ClassVar[bool] = False
    reads_order: ClassVar[bool] = True
    needs_causal: ClassVar[bool] = True
    # A gate at 0 is a step.
    neutral_at_zero: ClassVar[bool] = False
    even_head_width: ClassVar[bool] = True

    def setup(self):
        gates = self.heads if self.per_head else 1
        self.weight_DH = self.param('weight', nn.initializers.zeros_init(), (self.width, gates))
        bias = math.log(math.expm1(self.init_step))
        self.bias_H = self.param('bias', nn.initializers.constant(bias), (gates,))
        self.log_frequency_C = self.param('log_frequency', nn.initializers.zeros_init(), (self.head_width // 2,))

    def aux(self, x_BLD, pos_BL):
        logit_BLH = (x_BLD.astype(jnp.float32) @ self.weight_DH + self.bias_H) / self.gate_scale
        return nn.sigmoid(logit_BLH) if self.gate == 'sigmoid' else nn.softplus(logit_BLH)

    def accumulate(self, aux_BM, pos_BM, order):
        return jax.tree.map(lambda x_BM: running.before(x_BM, order, 1), running.total(aux_BM, order))

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        omega_C = jnp.asarray(spectra.geometric(self.theta, x_BLHK.shape[-1]), jnp.float32)
        aux = jax.tree.map(lambda x_BLH: x_BLH[..., None], aux)
        return rotation.turn(x_BLHK, *angles.waves(aux, omega_C * jnp.exp(self.log_frequency_C)))
