"""The first and the last token of an answer that stands in the text (Devlin et al. 2019, arXiv 1810.04805, 4.2)."""

import jax.numpy as jnp

from posbench.heads import base
from posbench.ops import linear


class Head(base.Head):
    """Two logits a token, of its being the first and the last one of the answer; padding can be neither."""

    says = 'spans'

    def setup(self):
        self.logits = linear.layer(2, self.dtype, use_bias=True)

    def __call__(self, h_BLD, batch, input_layer):
        """float32 [B, L, 2]."""
        logits_BL2 = self.logits(h_BLD).astype(jnp.float32)
        segment_ids_BL = batch.get('segment_ids_BL')
        if segment_ids_BL is None:
            return logits_BL2
        # Finite, so that a row without any token has no NaN.
        return jnp.where((segment_ids_BL >= 0)[..., None], logits_BL2, -1e30)
