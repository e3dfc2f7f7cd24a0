"""Rotary embedding whose frequencies are learned.

Zhang et al. 2025 (arXiv 2512.07805, section 3, "GRAPE-M" with commuting planes, not contextual), with the learned
logarithms of the authors' code, which slows their learning down by `kappa`. It acts on queries and keys.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings import base
from posbench.encodings.parts import angles, rotation, spectra
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """Pair c turns by pos * omega_c, where omega_c = theta^(-2c/K) exp(g_c / kappa) and g starts at 0.

    So it starts as the rotary embedding. The authors' parameter is kappa ln omega_c, which differs from g by a
    constant. `per_head`: each head learns its own. Pairs are channels c and c + K/2.
    """

    theta: Annotated[float, Range(above=0)] = 10_000.0
    kappa: Annotated[float, Range(above=0)] = 16.0
    per_head: bool = False

    per_layer: ClassVar[bool] = True
    even_head_width: ClassVar[bool] = True

    def setup(self):
        shape = (self.heads if self.per_head else 1, self.head_width // 2)
        self.log_frequency_HC = self.param('log_frequency', nn.initializers.zeros_init(), shape)

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        omega_C = spectra.geometric(self.theta, x_BLHK.shape[-1])
        # What is learned is a turn more, so that before any learning this is the rotary embedding, bit by bit.
        more_HC = jnp.asarray(omega_C, jnp.float32) * jnp.expm1(self.log_frequency_HC / self.kappa)
        frequency_HC = angles.added(angles.frequency(omega_C), angles.frequency(more_HC))
        turns = rotation.learned_waves(angles.angles(pos_BL[..., None, None], frequency_HC))
        return rotation.turn_shared(x_BLHK, turns)
