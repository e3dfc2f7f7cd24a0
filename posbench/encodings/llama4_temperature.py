"""Llama 4's temperature: queries grow by a step of a logarithm for every so many tokens.

Meta 2025, "iRoPE": no paper; the rule is that of modeling_llama4.py in transformers (`attn_scale`, `floor_scale`), for
layers without rotation. It acts on rotated queries.

Llama 4 has floor_scale = 8192, a 32nd of the 256k tokens it was trained on. The default here is for the short
sequences of this benchmark.
"""

from typing import Annotated

import jax.numpy as jnp

from posbench.encodings.parts import temperature
from posbench.knobs import Range


class Encoding(temperature.Temperature):
    """q *= 1 + strength ln(1 + floor(n / floor_scale)) with n = pos + 1."""

    floor_scale: Annotated[int, Range(min=1)] = 16
    strength: Annotated[float, Range(above=0)] = 0.1

    def scale(self, pos_BL):
        steps_BL1 = jnp.floor(temperature.visible(pos_BL) / self.floor_scale)[..., None]
        return 1.0 + self.strength * jnp.log1p(steps_BL1)
