"""No encoding at all: order reaches the model through the causal mask alone.

Haviv et al. 2022 (arXiv 2203.16634); Kazemnejad et al. 2023 (arXiv 2305.19466), "NoPE".
"""

from typing import ClassVar

from posbench.encodings import base


class Encoding(base.PositionEncoding):
    """Every hook is the identity."""

    causal_only: ClassVar[bool] = True
    reads_positions: ClassVar[bool] = False
