"""The product of token vectors and position vectors, channel by channel: an operator of introductory texts.

No paper proposes it for real vectors on its own; of complex ones it is a rotation.
"""

from posbench.inputs.combine import base


class Combination(base.Combination):
    """x (1 + p), or x p without `one_plus`, where p of 0 leaves nothing of the token."""

    one_plus: bool = True

    def __call__(self, x_BLT, pos, encoding):
        # The position vectors are float32, and so is the product until its end.
        return (x_BLT * (self.vectors(pos, encoding) + self.one_plus)).astype(self.dtype)
