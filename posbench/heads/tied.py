"""Logits of the vocabulary at every place, from the token vectors themselves or from weights of their own."""

from posbench.heads import base
from posbench.ops import linear


class Head(base.Head):
    """Dot products with the token vectors (Press and Wolf 2017, arXiv 1608.05859), or a linear layer without bias."""

    tie: bool = True

    def setup(self):
        if not self.tie:
            self.logits = linear.layer(self.vocabulary, self.dtype)

    @property
    def wants_tokens(self):
        return self.tie

    def __call__(self, h_BLD, batch, input_layer):
        """float32 [B, L, V]."""
        if self.tie:
            return input_layer.logits(h_BLD)
        return self.logits(h_BLD).astype('float32')
