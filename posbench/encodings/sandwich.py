"""Sandwich: what sinusoids say about each other, without what they would say about the tokens.

Chi et al. 2023 (arXiv 2212.10356, section 5). The dot product of two sinusoidal position vectors is a function of the
distance; each head divides it by a number of its own, as ALiBi does. No parameters.
"""

from typing import Annotated

import jax.numpy as jnp
import numpy as np

from posbench.encodings.parts import angles, distance_bias, spectra
from posbench.knobs import Range


class Encoding(distance_bias.DistanceBias):
    """logits += H / (8 h) * sum over c of cos((pos_q - pos_k) theta^(-2c/channels)) for heads h = 1 ... H.

    `channels` of the position vectors, two for each c, set how fast it falls; they need not be those of the model.
    """

    channels: Annotated[int, Range(min=2, max=65_536)] = 128
    theta: Annotated[float, Range(above=0)] = 10_000.0

    wide = True

    def of_distance(self, distance):
        alike, _ = angles.waves(distance[..., None], spectra.geometric(self.theta, self.channels))
        share_H = jnp.asarray(self.heads / (8.0 * np.arange(1, self.heads + 1)), jnp.float32)
        return distance_bias.per_head(share_H, distance) * alike.sum(axis=-1)
