"""Rotary embedding in two dimensions: half of the pairs turn with the row, half with the column.

Heo et al. 2024 (arXiv 2403.13298, section 3.2, "RoPE-Axial"), with the frequencies of their released rope-vit. Fang et
al. 2023 (EVA-02, arXiv 2303.11331) use the same. It acts on queries and keys.
"""

from typing import Annotated, ClassVar, Literal

import numpy as np

from posbench.encodings import base
from posbench.encodings.parts import angles, rotation, spectra
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """Of the K/2 pairs the first half turn by row * theta^(-4c/K), c = 0 .. K/4 - 1, the rest so by column.

    Where K/2 is odd, the rows get one pair more. (rope-vit gives the first half to the columns, which is another order
    of channels.) `layout` is that of the rotary embedding, here by default as in rope-vit.
    """

    theta: Annotated[float, Range(above=0)] = 100.0
    layout: Literal['half', 'interleaved'] = 'interleaved'

    axes: ClassVar[int] = 2
    even_head_width: ClassVar[bool] = True

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        pairs = x_BLHK.shape[-1] // 2
        counts = (pairs - pairs // 2, pairs // 2)
        omega_C = np.concatenate([spectra.geometric(self.theta, 2 * count) for count in counts])
        place_BL1C = rotation.coordinates(pos_BL, np.repeat(np.arange(2), counts), self.axes)
        return rotation.turn(x_BLHK, *angles.waves(place_BL1C, omega_C), self.layout)
