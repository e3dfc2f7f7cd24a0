"""Vectors that a task gives, such as patches of an image, brought to the width of the model."""

from typing import ClassVar

from posbench.inputs import base
from posbench.ops import linear


class Input(base.Input):
    """A linear layer with bias (Dosovitskiy et al. 2021, arXiv 2010.11929, equation 1), combined with positions."""

    reads: ClassVar[str] = 'vectors'

    def setup(self):
        self.projection = linear.layer(self.combination().token_width, self.dtype, use_bias=True)
        self.setup_combined()

    def __call__(self, inputs, pos, encoding):
        """[B, L, D] in `dtype`, of float [B, L, C]."""
        return self.combined(self.projection(inputs.astype(self.dtype)), pos, encoding)
