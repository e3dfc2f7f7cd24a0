"""One of a few classes for a whole sequence."""

from typing import Literal

import jax.numpy as jnp

from posbench.heads import base
from posbench.ops import linear


class Head(base.Head):
    """A linear layer on one vector a sequence.

    pool: 'mean' of all tokens that are no padding; their 'max', channel by channel; 'last', of a body that reads token
      by token, each half where it has read all: the forward one at the last token, the backward one at the first; or
      'cls', a trained vector before the first token (Devlin et al. 2019, arXiv 1810.04805).
    activation: 'softmax' of a logit for each class, or for two classes the 'sigmoid' of one: it is the probability of
      the second, which is the positive one.
    """

    says = 'classes'

    pool: Literal['mean', 'max', 'last', 'cls'] = 'mean'
    activation: Literal['softmax', 'sigmoid'] = 'softmax'

    def setup(self):
        if self.activation == 'sigmoid' and self.classes != 2:
            raise ValueError(f"config.head.activation: got 'sigmoid' for {self.classes} classes, wanted 'softmax'")
        self.logits = linear.layer(1 if self.activation == 'sigmoid' else self.classes, self.dtype, use_bias=True)

    @property
    def wants_first(self):
        return self.pool == 'cls'

    @property
    def wants_last(self):
        return self.pool == 'last'

    def __call__(self, h_BLD, batch, input_layer):
        """float32 [B, C]."""
        logits_BC = self.logits(self.pooled(h_BLD, batch.get('segment_ids_BL'))).astype(jnp.float32)
        if self.activation == 'sigmoid':
            # softmax(0, z) = (1 - sigmoid(z), sigmoid(z)), and its cross-entropy is the binary one.
            return jnp.pad(logits_BC, ((0, 0), (1, 0)))
        return logits_BC

    def pooled(self, h_BLD, segment_ids_BL):
        """[B, D], in the dtype of `h_BLD`."""
        match self.pool:
            case 'cls':
                return h_BLD[:, 0]
            case 'max':
                return max_of_tokens(h_BLD, segment_ids_BL)
            case 'last':
                return last_of_tokens(h_BLD, segment_ids_BL, self.directions)
        return mean_of_tokens(h_BLD, segment_ids_BL)


def mean_of_tokens(h_BLD, segment_ids_BL):
    """The mean over all tokens that are no padding, [B, D] in the dtype of `h_BLD`; summed in float32."""
    h_BLD, dtype = h_BLD.astype(jnp.float32), h_BLD.dtype
    if segment_ids_BL is None:
        return h_BLD.mean(axis=1).astype(dtype)
    real_BL1 = (segment_ids_BL >= 0)[..., None]
    total_BD = jnp.where(real_BL1, h_BLD, 0.0).sum(axis=1)
    return (total_BD / jnp.maximum(real_BL1.sum(axis=1), 1)).astype(dtype)


def max_of_tokens(h_BLD, segment_ids_BL):
    """The largest of each channel over all tokens that are no padding, [B, D]; 0 where all are."""
    if segment_ids_BL is None:
        return h_BLD.max(axis=1)
    real_BL1 = (segment_ids_BL >= 0)[..., None]
    largest_BD = jnp.where(real_BL1, h_BLD, -jnp.inf).max(axis=1)
    return jnp.where(real_BL1.any(axis=1), largest_BD, 0)


def last_of_tokens(h_BLD, segment_ids_BL, directions):
    """The part of each direction at the token that it reads last, [B, D]; padding is not read."""
    places_L = jnp.arange(h_BLD.shape[1])
    real_BL = jnp.ones(h_BLD.shape[:2], bool) if segment_ids_BL is None else segment_ids_BL >= 0
    ends = dict(
        forward=jnp.where(real_BL, places_L, 0).max(axis=1),
        backward=jnp.where(real_BL, places_L, places_L[-1]).min(axis=1),
    )
    parts = zip(jnp.split(h_BLD, len(directions), axis=-1), directions)
    taken = [jnp.take_along_axis(part_BLH, ends[name][:, None, None], axis=1)[:, 0] for part_BLH, name in parts]
    return jnp.concatenate(taken, axis=-1)
