"""The strength is divided by the size of the buffer, which is not the number of tokens in it."""

from tests.encodings.strangers._meant import Neighbours as Right


class Encoding(Right):
    def accumulate(self, aux_BM, pos_BM, order):
        return super().accumulate(aux_BM, pos_BM, order) * 24 / aux_BM.shape[1]
