"""DAPE V2: the logits of all heads are a feature map, processed by a convolution over neighbouring keys.

Zheng et al. 2024 (arXiv 2410.04798); the network, its size and kernel are those of the authors' code (`Kerple_DAPEV2`).
There a hidden key is 0 in the first layer; in the second one a row ends with what the first layer makes of two
zeros, except for the last row of the sequence, which ends with nothing. Here hidden keys are 0 in both layers, so that
no logit depends on how many tokens follow.
"""

from typing import Annotated, ClassVar

from posbench.encodings import dape
from posbench.knobs import Range


class Encoding(dape.Encoding):
    """logits a and bias b of `over` become a + b + f([a, b]), f two convolutions over 2 `reach` + 1 keys of a query.

    Neighbours are keys that are stored next to each other, whatever their positions are.
    """

    reach: Annotated[int, Range(min=1, max=64)] = 1

    causal_only: ClassVar[bool] = False
    reads_order: ClassVar[bool] = True

    @property
    def halo(self):
        return max(self.over.halo, 2 * self.reach)
