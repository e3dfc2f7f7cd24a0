"""Rotary embedding: queries and keys turned by an angle proportional to their position.

Su et al. 2021 (arXiv 2104.09864, equation 34).
"""

from typing import Annotated, ClassVar, Literal

import jax.numpy as jnp

from posbench.encodings import base, spectra
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """Each pair of channels (a, b) becomes (a cos - b sin, b cos + a sin) at the angle pos * theta^(-2c/K).

    `layout` says which channels are a pair: c and c + K/2 ('half', as in GPT-NeoX and Llama on Hugging Face), or
    2c and 2c + 1 ('interleaved', as in the paper).
    """

    theta: Annotated[float, Range(above=0)] = 10_000.0
    layout: Literal['half', 'interleaved'] = 'half'

    even_head_width: ClassVar[bool] = True

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        head_width = x_BLHK.shape[-1]
        phase_BL1C = spectra.phases(pos_BL, spectra.geometric(self.theta, head_width))[:, :, None, :]
        cos, sin = jnp.cos(phase_BL1C), jnp.sin(phase_BL1C)
        # Rotated in float32 and cast afterwards: a bfloat16 angle is off by whole radians at position 4096.
        x = x_BLHK.astype(jnp.float32)
        if self.layout == 'half':
            a, b = jnp.split(x, 2, axis=-1)
            turned = jnp.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)
        else:
            a, b = x[..., 0::2], x[..., 1::2]
            turned = jnp.stack([a * cos - b * sin, b * cos + a * sin], axis=-1).reshape(x.shape)
        return turned.astype(x_BLHK.dtype)
