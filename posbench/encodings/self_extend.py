"""Self-Extend: exact distances to neighbours, distances between groups of tokens beyond.

Jin et al. 2024 (arXiv 2401.01325, section 3; code in datamllab/LongLM, llama_self_extend_patch.py: groups of 8 and a
window of 1024, for models of 4096 tokens). The defaults here are for short sequences.
"""

from typing import Annotated, ClassVar

from posbench.encodings.parts import remap
from posbench.knobs import Range


class Encoding(remap.Remap):
    """A distance i - j below the window counts as it is, else as floor(i/G) - floor(j/G) + window - floor(window/G)."""

    group: Annotated[int, Range(min=2)] = 4
    window: Annotated[int, Range(min=1)] = 16

    # Where groups begin depends on the position itself.
    shift_invariant: ClassVar[bool] = False

    def places(self, pos_BL, role):
        onward = self.window - self.window // self.group if role == 'query' else 0
        return [pos_BL, pos_BL // self.group + onward]

    def which(self, pos_q, pos_k):
        return pos_q - pos_k >= self.window
