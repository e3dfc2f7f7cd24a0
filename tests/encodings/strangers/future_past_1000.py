"""A ring buffer of 1,000 tokens that is filled too early: a token hears the one that comes 1,000 places later."""

from posbench.encodings.parts import running
from tests.encodings.strangers._meant import Neighbours as Right


class Encoding(Right):
    def accumulate(self, aux_BM, pos_BM, order):
        return super().accumulate(aux_BM, pos_BM, order) + 1e-3 * running.before(aux_BM, order, -1000)
