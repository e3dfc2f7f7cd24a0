"""The interface of an input layer: (what the task gives, positions, encoding) -> x_BLD."""

from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import base
from posbench.models.style import Style


class Input(nn.Module):
    """Base of all input layers; fields of a subclass are options of `config.input`, those here are the model's."""

    # A model gives these; `vocabulary` is the task's.
    set_by_the_house: ClassVar[tuple[str, ...]] = ('vocabulary', 'width', 'dtype', 'style', 'first')
    # What it reads: 'tokens' or 'vectors'.
    reads: ClassVar[str] = 'tokens'

    vocabulary: int | None = None
    width: int = 128
    dtype: jnp.dtype = jnp.float32
    style: Style = Style()
    # Put a trained vector, [CLS], before the first token; positions then have a place for it too.
    first: bool = False

    def __call__(self, inputs: jax.Array, pos: Any, encoding: base.PositionEncoding) -> jax.Array:
        """x_BLD in `dtype`: vectors of what was read, combined with positions by the encoding's `embed` hook."""
        raise NotImplementedError

    def combined(self, x_BLD: jax.Array, pos: Any, encoding: base.PositionEncoding) -> jax.Array:
        """Vectors with [CLS] before them, where there is one, and with what the encoding makes of their positions."""
        if self.first:
            # Times sqrt(D) as token vectors are.
            first_D = self.first_vector * self.width**0.5
            first_B1D = jnp.broadcast_to(first_D, (x_BLD.shape[0], 1, self.width))
            x_BLD = jnp.append(first_B1D.astype(self.dtype), x_BLD, axis=1)
        if encoding.has('embed'):
            # The body asks too late.
            encoding.check_positions(pos)
        x_BLD = encoding.embed(x_BLD, pos)
        return self.norm(x_BLD) if self.style.embedding_norm else x_BLD

    def setup_combined(self) -> None:
        """To be called by the `setup` of a subclass."""
        if self.style.embedding_norm:
            self.norm = self.style.normalise(self.dtype)
        if self.first:
            self.first_vector = self.param('first', nn.initializers.normal(self.width**-0.5), (self.width,))
