"""The sum of both (Vaswani et al. 2017, arXiv 1706.03762, section 3.5), or whatever else the encoding itself does."""

from posbench.inputs.combine import base


class Combination(base.Combination):
    """x + p; an encoding that acts on token vectors in another way does that, and one that does not leaves them."""

    def __call__(self, x_BLT, pos, encoding):
        return encoding.embed(x_BLT, pos)
