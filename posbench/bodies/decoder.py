"""Layers of a Transformer in which a token attends to itself and to what came before it."""

from typing import ClassVar

from posbench.models import transformer


class Body(transformer.Transformer):
    """A decoder (Radford et al. 2018; the decoder of Vaswani et al. 2017, arXiv 1706.03762)."""

    causal: ClassVar[bool] = True
    directions: ClassVar[tuple[str, ...]] = ('forward',)
