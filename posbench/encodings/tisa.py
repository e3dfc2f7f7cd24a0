"""TISA: a sum of bumps over distance, each with a height, a place and a width that are trained.

Wennberg and Henter 2021 (arXiv 2106.01950). The authors' code (ulmewennberg/tisa) indexes its table one distance off,
which only moves the centres; initial values are those of its `PositionalScorer`.
"""

from typing import Annotated, ClassVar

import flax.linen as nn
import jax.numpy as jnp

from posbench.encodings.parts import distance_bias
from posbench.knobs import Range


class Encoding(distance_bias.DistanceBias):
    """logits += sum over s of amplitude_sh exp(-|sharpness_sh| (pos_k - pos_q - centre_sh)^2)."""

    kernels: Annotated[int, Range(min=1, max=1024)] = 5
    init_std: Annotated[float, Range(above=0)] = 1.0

    per_layer: ClassVar[bool] = True
    wide = True

    def setup(self):
        shape, init = (self.kernels, self.heads), nn.initializers.normal(self.init_std)
        self.amplitude_NH = self.param('amplitude', init, shape)
        self.sharpness_NH = self.param('sharpness', init, shape)
        self.centre_NH = self.param('centre', init, shape)

    def of_distance(self, distance):
        ahead = -distance.astype(jnp.float32)

        def bump(amplitude_H, sharpness_H, centre_H):
            away = ahead - distance_bias.per_head(centre_H, distance)
            fall = distance_bias.per_head(jnp.abs(sharpness_H), distance)
            return distance_bias.per_head(amplitude_H, distance) * jnp.exp(-fall * away**2)

        return sum(map(bump, self.amplitude_NH, self.sharpness_NH, self.centre_NH))
