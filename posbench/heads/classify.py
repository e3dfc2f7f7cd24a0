"""One of a few classes for a whole sequence."""

from typing import Literal

import jax.numpy as jnp

from posbench.heads import base
from posbench.ops import linear


class Head(base.Head):
    """A linear layer on one vector a sequence.

    pool: 'mean' of all tokens that are no padding, or 'cls', a trained vector before the first token (Devlin et al.
      2019, arXiv 1810.04805).
    """

    says = 'classes'

    pool: Literal['mean', 'cls'] = 'mean'

    def setup(self):
        self.logits = linear.layer(self.classes, self.dtype, use_bias=True)

    @property
    def wants_first(self):
        return self.pool == 'cls'

    def __call__(self, h_BLD, batch, input_layer):
        """float32 [B, C]."""
        if self.pool == 'cls':
            pooled_BD = h_BLD[:, 0]
        else:
            pooled_BD = mean_of_tokens(h_BLD, batch.get('segment_ids_BL'))
        return self.logits(pooled_BD).astype(jnp.float32)


def mean_of_tokens(h_BLD, segment_ids_BL):
    """The mean over all tokens that are no padding, [B, D] in the dtype of `h_BLD`; summed in float32."""
    h_BLD, dtype = h_BLD.astype(jnp.float32), h_BLD.dtype
    if segment_ids_BL is None:
        return h_BLD.mean(axis=1).astype(dtype)
    real_BL1 = (segment_ids_BL >= 0)[..., None]
    total_BD = jnp.where(real_BL1, h_BLD, 0.0).sum(axis=1)
    return (total_BD / jnp.maximum(real_BL1.sum(axis=1), 1)).astype(dtype)
