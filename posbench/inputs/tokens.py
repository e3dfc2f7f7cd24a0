"""Token vectors combined with positions, and the same vectors as output weights."""

from typing import Annotated, Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.inputs import base
from posbench.knobs import Path, Range
from posbench.ops import linear


class Source(NamedTuple):
    """What a model has to know of the vectors of a file: their channels C, and the root of their mean square."""

    width: int
    size: float


class Input(base.Input):
    """A vector for each token, times a number, combined with positions. T channels, D without those that are reserved.

    Vectors are drawn, or those of a file of word vectors (posbench.word_vectors) or of the folder of a run that trained
    some. They are trained unless `config.init.freeze` names 'input_layer/vectors'.

    file: of the word vectors; None: all are drawn, at standard deviation T^-1/2, so that times sqrt(T) the residual
      stream starts at 1, the scale of sinusoids (Vaswani et al. 2017, arXiv 1706.03762, section 3.4), and tied logits
      start at 1 as well. Vectors of a file stay as they are there; where they have other than T channels, a trained
      projection follows.
    unknown: what a token gets that the file lacks: a vector that is 'drawn' with the mean and the standard deviation of
      the known ones in each channel (Kim 2014, arXiv 1408.5882, drew them with the variance of the known ones), 'zero',
      or one made of its 'ngrams', where the file has them; if it has none of these either, it is drawn.
    lowercase: a token that the file lacks takes the vector of its lower case.
    scale: what vectors are multiplied by; None: what the style says, or else what brings them to a mean square of 1, so
      that positions weigh as much beside vectors of any file as beside drawn ones: sqrt(T), or for those of a file one
      over the root of the mean square of the known ones. Tied logits take the vectors at the size that drawn ones have,
      whatever the scale.
    features: what to do with what the task gives beside each token, such as tags of parts of speech: 'add' a trained
      vector of it to that of the token, or 'append' one of `feature_width` channels and project both back; None:
      nothing, it is not read.
    """

    file: Path | None = None
    unknown: Literal['drawn', 'zero', 'ngrams'] = 'drawn'
    lowercase: bool = True
    scale: Annotated[float, Range(above=0)] | None = None
    features: Literal['add', 'append'] | None = None
    feature_width: Annotated[int, Range(min=1)] = 32

    @property
    def wants_features(self):
        return self.features is not None

    def setup(self):
        self.channels = channels = self.combination().token_width
        if self.file is not None and self.source is None:
            raise ValueError('tokens.Input: got a file of vectors, wanted its `source` too: see training/vectors.py.')
        if self.source is None:
            init, width = nn.initializers.normal(channels**-0.5), channels
        else:
            # Noise of which the vectors of unknown tokens are made, once it is known what to draw them like.
            init, width = nn.initializers.normal(1.0), self.source.width
        self.vectors_VC = self.param('vectors', init, (self.vocabulary, width))
        if width != channels:
            self.projection_CT = self.param('projection', nn.initializers.lecun_normal(), (width, channels))
        if self.features is not None:
            self._setup_features(channels)
        self.setup_combined()

    def _setup_features(self, channels):
        if self.feature_count is None:
            raise ValueError(
                f'config.input.features: got {self.features!r}, wanted None, because the task gives nothing but tokens'
            )
        width = channels if self.features == 'add' else self.feature_width
        init = nn.initializers.normal(width**-0.5)
        self.feature_vectors_FC = self.param('feature_vectors', init, (self.feature_count, width))
        if self.features == 'append':
            self.feature_projection = linear.layer(channels, self.dtype)

    def __call__(self, inputs, pos, encoding, features_BL=None):
        """[B, L, D] in `dtype`, of int32 [B, L]."""
        x_BLT = self.static(inputs)
        if self.features is not None:
            x_BLT = self._with_features(x_BLT, features_BL)
        return self.combined(x_BLT, pos, encoding)

    def static(self, inputs):
        """[B, L, T] in `dtype`, of int32 [B, L]."""
        x_BLC = (self.vectors_VC[inputs] * self._scale()).astype(self.dtype)
        return linear.matmul(x_BLC, self.projection_CT.astype(self.dtype)) if self._projects() else x_BLC

    def logits(self, h_BLD: jax.Array) -> jax.Array:
        """float32 [B, L, V], by dot products with the token vectors themselves, projected ones where they are."""
        h_BLC = h_BLD if self.channels == self.width else h_BLD[..., : self.channels]
        if self._projects():
            h_BLC = linear.matmul(h_BLC, self.projection_CT.astype(self.dtype).T)
        if self.source is not None:
            h_BLC = (h_BLC / (self.source.size * self.channels**0.5)).astype(self.dtype)
        vectors_VC = self.vectors_VC.astype(self.dtype)
        return jnp.einsum('BLC,VC->BLV', h_BLC, vectors_VC, preferred_element_type=jnp.float32)

    def _projects(self) -> bool:
        return self.source is not None and self.source.width != self.channels

    def _scale(self) -> float:
        if self.scale is not None:
            return self.scale
        if self.style.vectors_scale is not None:
            return self.style.vectors_scale
        return self.channels**0.5 if self.source is None else 1 / self.source.size

    def _with_features(self, x_BLT, features_BL):
        if features_BL is None:
            raise ValueError('config.input.features: got tokens alone, wanted what stands beside each, features_BL')
        width = self.feature_vectors_FC.shape[1]
        features_BLC = (self.feature_vectors_FC[features_BL] * width**0.5).astype(self.dtype)
        if self.features == 'add':
            return x_BLT + features_BLC
        return self.feature_projection(jnp.append(x_BLT, features_BLC, axis=-1))
