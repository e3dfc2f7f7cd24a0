"""An encoding that reads one coordinate of positions that have several.

So two encodings can have positions of their own: Abacus ids for a learned table, plain ones for a bias (McLeish et al.
2024, arXiv 2405.17399, section 3), or the row for one and the column for another.
"""

from typing import Annotated

import flax.linen as nn

from posbench.encodings import base
from posbench.encodings.parts import wrapper
from posbench.knobs import Range


class Encoding(wrapper.Wrapper):
    """`over` at coordinate `axis` of pos_BLA."""

    over: base.Nested = 'rotary'
    axis: Annotated[int, Range(min=0)] = 0

    @property
    def axes(self):
        return max(self.axis + 1, 2)

    @nn.nowrap
    def check_positions(self, pos):
        self._pick(pos)

    def _pick(self, pos):
        return base.axis(pos, self.axis, self.axes)

    # The class would count as implementing all of these.
    @nn.nowrap
    def has(self, hook):
        return self.over.has(hook)

    def embed(self, x_BLD, pos_BL):
        return super().embed(x_BLD, self._pick(pos_BL))

    def enter(self, h_BLD, h_BMD, pos_BL, order_q, order_k, layer):
        return self.over.enter(h_BLD, h_BMD, self._pick(pos_BL), order_q, order_k, layer)

    def aux(self, x_BLD, pos_BL):
        return self.over.aux(x_BLD, self._pick(pos_BL))

    def accumulate(self, aux_BM, pos_BM, order):
        return self.over.accumulate(aux_BM, self._pick(pos_BM), order)

    def rotate(self, x_BLHK, pos_BL, role, aux=None):
        return self.over.rotate(x_BLHK, self._pick(pos_BL), role, aux)

    def bias(self, pos_q_BL, pos_k_BM):
        return self.over.bias(self._pick(pos_q_BL), self._pick(pos_k_BM))

    def product(self, block, carry):
        return self.over.product(self._block(block), carry)

    def score(self, logits_BHLM, block, carry):
        return self.over.score(logits_BHLM, self._block(block), carry)

    def value(self, weights_BHLM, block):
        return self.over.value(weights_BHLM, self._block(block))

    def _block(self, block):
        return block._replace(pos_q_BL=self._pick(block.pos_q_BL), pos_k_BM=self._pick(block.pos_k_BM))
