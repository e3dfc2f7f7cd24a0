"""The slope is halved where there are more than 200 keys."""

from tests.encodings.strangers._meant import Distance as Right


class Encoding(Right):
    def bias(self, pos_q_BL, pos_k_BM):
        return super().bias(pos_q_BL, pos_k_BM) * (0.5 if pos_k_BM.shape[1] > 200 else 1.0)
