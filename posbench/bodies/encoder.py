"""Layers of a Transformer in which every token attends to every other one."""

from typing import ClassVar

from posbench.models import transformer


class Body(transformer.Transformer):
    """An encoder (Devlin et al. 2019, arXiv 1810.04805; the encoder of Vaswani et al. 2017, arXiv 1706.03762)."""

    causal: ClassVar[bool] = False
