"""The interface of an input layer: (what the task gives, positions, encoding) -> x_BLD."""

from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench import knobs
from posbench.encodings import base
from posbench.inputs import combine as combinations
from posbench.models.style import Style


class Input(nn.Module):
    """Base of all input layers; `combine` and fields of a subclass are options of `config.input`, others the model's.

    combine: how token vectors and positions become one vector (inputs/combine).
    """

    # A model gives these; `vocabulary` and `feature_count` are the task's.
    set_by_the_house: ClassVar[tuple[str, ...]] = (
        'vocabulary',
        'width',
        'dtype',
        'style',
        'first',
        'source',
        'feature_count',
    )
    # What it reads: 'tokens' or 'vectors'.
    reads: ClassVar[str] = 'tokens'

    vocabulary: int | None = None
    width: int = 128
    dtype: jnp.dtype = jnp.float32
    style: Style = Style()
    # Put a trained vector, [CLS], before the first token; positions then have a place for it too.
    first: bool = False
    # What is known of a file of vectors, where they come from one (tokens.Source).
    source: Any = None
    # Kinds of what a task gives beside each token, such as tags; None: it gives none.
    feature_count: int | None = None

    combine: knobs.Combined = 'add'

    def __call__(self, inputs: jax.Array, pos: Any, encoding: base.PositionEncoding) -> jax.Array:
        """x_BLD in `dtype`: vectors of what was read, combined with positions.

        Where it `wants_features`, they come as `features_BL`, int32.
        """
        raise NotImplementedError

    def static(self, inputs: jax.Array) -> jax.Array:
        """The vector of each token, whatever its position and what stands beside it, in T channels."""
        raise NotImplementedError

    @property
    def wants_features(self) -> bool:
        """Whether it reads what a task gives beside each token."""
        return False

    @nn.nowrap
    def combination(self) -> combinations.base.Combination:
        """The combination with the dimensions of this layer."""
        return combinations.of(self.combine).clone(parent=None, width=self.width, dtype=self.dtype)

    def combined(self, x_BLT: jax.Array, pos: Any, encoding: base.PositionEncoding) -> jax.Array:
        """Vectors with [CLS] before them, where there is one, and with what is made of their positions."""
        if self.first:
            # Times sqrt(T) as token vectors are.
            channels = x_BLT.shape[-1]
            first_T = self.first_vector * channels**0.5
            first_B1T = jnp.broadcast_to(first_T, (x_BLT.shape[0], 1, channels))
            x_BLT = jnp.append(first_B1T.astype(self.dtype), x_BLT, axis=1)
        if encoding.has('embed'):
            # The body asks too late.
            encoding.check_positions(pos)
        x_BLD = self.combining(x_BLT, pos, encoding)
        return self.norm(x_BLD) if self.style.embedding_norm else x_BLD

    def setup_combined(self) -> None:
        """To be called by the `setup` of a subclass."""
        self.combining = self.combination()
        if self.style.embedding_norm:
            self.norm = self.style.normalise(self.dtype)
        if self.first:
            channels = self.combining.token_width
            self.first_vector = self.param('first', nn.initializers.normal(channels**-0.5), (channels,))
