"""Log-length scaling: logits times ln n for n visible keys, so that attention over more keys is no flatter.

Su 2021 (kexue.fm/archives/8823, "entropy invariance": log n to the base of the training length, 512); Chiang & Cholak
2022 (arXiv 2202.12172, section 5.3) scale by ln n as well. The code of ReRoPE (bojone/rerope) never goes below 1, which
is `at_least_one` here. It acts on rotated queries.
"""

from typing import Annotated, ClassVar

import jax.numpy as jnp
import numpy as np

from posbench.encodings.parts import temperature
from posbench.knobs import Range


class Encoding(temperature.Temperature):
    """q *= ln n / ln train_length with n = pos + 1, or 1 where that is less and `at_least_one`."""

    train_length: Annotated[int, Range(min=2)] = 512
    at_least_one: bool = False

    # A first token has scale 0.
    neutral_at_zero: ClassVar[bool] = False

    def scale(self, pos_BL):
        scale_BL1 = jnp.log(temperature.visible(pos_BL))[..., None] / np.log(self.train_length)
        return jnp.maximum(scale_BL1, 1.0) if self.at_least_one else scale_BL1
