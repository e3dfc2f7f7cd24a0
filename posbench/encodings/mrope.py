"""Multimodal rotary embedding: the pairs are shared out among time, row and column.

Wang et al. 2024, "Qwen2-VL" (arXiv 2409.12191, section 2.1), and Bai et al. 2025, "Qwen3-VL" (arXiv 2511.21631), whose
pairs alternate; both as in transformers 5.23. A token of text has three equal coordinates there, for which this is the
rotary embedding of one dimension. It acts on queries and keys.
"""

from typing import Annotated, ClassVar, Literal

import numpy as np

from posbench.encodings import base
from posbench.encodings.parts import angles, rotation, spectra
from posbench.knobs import Range


class Encoding(base.PositionEncoding):
    """Pair c turns by t, h or w times theta^(-2c/K), where t, h and w are the coordinates of a token.

    `sections` are the pairs of t, h and w in a head of their sum; in a head of K/2 pairs they end where the same shares
    of K/2 end, rounded (a half up). They stand one after the other (Qwen2-VL), or with `interleaved` pairs 1, 4, 7, ...
    belong to h, as many as its section has, and pairs 2, 5, 8, ... to w, where the head has them; all others are t's
    (Qwen3-VL, whose sections are 24, 20, 20).
    """

    theta: Annotated[float, Range(above=0)] = 1_000_000.0
    sections: tuple[int, int, int] = (16, 24, 24)
    interleaved: bool = False
    layout: Literal['half', 'interleaved'] = 'half'

    axes: ClassVar[int] = 3
    even_head_width: ClassVar[bool] = True

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        head_width = x_BLHK.shape[-1]
        axis_C = owners(head_width // 2, self.sections, self.interleaved)
        omega_C = spectra.geometric(self.theta, head_width)
        place_BL1C = rotation.coordinates(pos_BL, axis_C, self.axes)
        return rotation.turn(x_BLHK, *angles.waves(place_BL1C, omega_C), self.layout)


def owners(pairs: int, sections: tuple[int, int, int], interleaved: bool) -> np.ndarray:
    """The axis that turns each pair, int [pairs]. ValueError for sections that are negative or all 0."""
    if min(sections) < 0 or sum(sections) == 0:
        raise ValueError(f'mrope: got sections={sections}, wanted three numbers of pairs, not all 0.')
    ends = np.floor(np.cumsum(sections) / sum(sections) * pairs + 0.5).astype(int)
    if not interleaved:
        return np.repeat(np.arange(3), np.diff(ends, prepend=0))
    axis_C = np.zeros(pairs, int)
    for axis in (1, 2):
        axis_C[axis : 3 * (ends[axis] - ends[axis - 1]) : 3] = axis
    return axis_C
