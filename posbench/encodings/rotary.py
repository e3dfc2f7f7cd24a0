"""Rotary embedding: queries and keys turned by an angle proportional to their position.

Su et al. 2021 (arXiv 2104.09864, equation 34); partial rotation as in GPT-J and GPT-NeoX (Black et al. 2022, arXiv
2204.06745, section 2.1.1).
"""

from typing import Annotated, ClassVar, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from posbench.encodings import base
from posbench.encodings.parts import angles, rotation, spectra
from posbench.knobs import Range

Theta = Annotated[float, Range(above=0)]


class Rotation(base.PositionEncoding):
    """The turning itself; a subclass says how fast each pair turns.

    `layout` says which of the rotated channels are a pair: c and c + K/2 ('half', as in GPT-NeoX and Llama on Hugging
    Face), or 2c and 2c + 1 ('interleaved', as in the paper).
    """

    layout: Literal['half', 'interleaved'] = 'half'

    even_head_width: ClassVar[bool] = True

    @nn.nowrap
    def spectrum(self, width: int, aux=None) -> tuple[np.ndarray | angles.Frequency, float]:
        """Radians a token of each pair of `width` rotated channels, [C] or [B, L, C]; and a factor on both roles."""
        raise NotImplementedError

    @nn.nowrap
    def rotated(self, head_width: int) -> int:
        """How many channels of a head are turned, the first ones; even."""
        return head_width

    @nn.nowrap
    def waves(self, pos_BL: jax.Array, width: int, aux=None) -> tuple[jax.Array, jax.Array]:
        """What a pair is multiplied by: cos and sin, float32 [B, L, 1, C], or [B, L, H, C] if heads differ."""
        omega, factor = self.spectrum(width, aux)
        cos_BLC, sin_BLC = angles.waves(pos_BL[..., None], omega)
        return cos_BLC[:, :, None] * factor, sin_BLC[:, :, None] * factor

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        head_width = x_BLHK.shape[-1]
        if head_width % 2:
            raise ValueError(f'rotary: got a head width of {head_width}, wanted an even one: channels turn in pairs.')
        width = self.rotated(head_width)
        cos, sin = self.waves(pos_BL, width, aux)
        turned = rotation.turn(x_BLHK[..., :width], cos, sin, self.layout)
        return turned if width == head_width else jnp.concatenate([turned, x_BLHK[..., width:]], axis=-1)


class Encoding(Rotation):
    """Each pair of channels (a, b) becomes (a cos - b sin, b cos + a sin) at the angle pos * theta^(-2c/K).

    `fraction` of the channels are turned, the first d = fraction * K of them (rounded down to an even number), at the
    angles of a head of that width: pos * theta^(-2c/d), and pairs are made within them.
    """

    theta: Theta = 10_000.0
    fraction: Annotated[float, Range(above=0, max=1)] = 1.0

    @nn.nowrap
    def spectrum(self, width, aux=None):
        return spectra.geometric(self.theta, width), 1.0

    @nn.nowrap
    def rotated(self, head_width):
        width = 2 * int(self.fraction * head_width // 2)
        if width == 0:
            raise ValueError(f'rotary: got fraction={self.fraction} of {head_width} channels, wanted two or more.')
        return width
