"""The interface of a combination: (token vectors, positions, encoding) -> what enters the body.

An encoding with an `embed` hook has vectors of positions, or acts on token vectors in another way. What it does in
attention is its own affair, whatever the combination.
"""

from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.encodings import base


class Combination(nn.Module):
    """Base of all combinations; fields of a subclass are options of `config.input.combine`, those here are a model's.

    T channels of a token vector, P of a position vector, D of the model.
    """

    set_by_the_house: ClassVar[tuple[str, ...]] = ('width', 'dtype')

    width: int = 128
    dtype: jnp.dtype = jnp.float32

    @property
    def token_width(self) -> int:
        """T, from the first channel on."""
        return self.width

    @property
    def embedded(self) -> int | None:
        """P, to which what the encoding does below the first layer is made; None: D."""
        return None

    @nn.nowrap
    def ends(self) -> dict[str, int]:
        """Where tables end past which it says no number, by the name of the option."""
        return {}

    def __call__(self, x_BLT: jax.Array, pos: Any, encoding: base.PositionEncoding) -> jax.Array:
        """[B, L, D] in `dtype`."""
        raise NotImplementedError

    def vectors(self, pos: Any, encoding: base.PositionEncoding) -> jax.Array:
        """The position vectors, float32 [B or 1, L, P]. ValueError, one line, where there are no such."""
        if not encoding.adds_vectors():
            does = 'acts on token vectors in another way' if encoding.has('embed') else 'has no such'
            raise ValueError(
                f'config.input.combine.name: got {type(self).__module__.rpartition(".")[2]!r}, which wants vectors of '
                f"positions, and an encoding that {does}; wanted 'add', or an encoding that adds vectors to tokens"
            )
        return encoding.added(pos)
