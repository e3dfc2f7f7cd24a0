"""The interface of a head: (h_BLD, batch, input layer) -> what the task's loss reads."""

from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from posbench.models.style import Style


class Head(nn.Module):
    """Base of all heads; fields of a subclass are options of `config.head`, those here are the model's."""

    # A model gives these; `classes` and `vocabulary` are the task's.
    set_by_the_house: ClassVar[tuple[str, ...]] = ('vocabulary', 'classes', 'width', 'directions', 'dtype', 'style')
    # What it says: 'tokens' of the vocabulary at each place, 'tags', which are classes at each place, or 'classes' of
    # a whole sequence.
    says: ClassVar[str] = 'tokens'

    vocabulary: int | None = None
    classes: int | None = None
    # Channels of the token vectors, and the directions in which the body reads (bodies/base.py).
    width: int = 128
    directions: tuple[str, ...] = ()
    dtype: jnp.dtype = jnp.float32
    style: Style = Style()

    @property
    def wants_first(self) -> bool:
        """Whether the input layer has to put a vector of its own, [CLS], before the first token."""
        return False

    @property
    def wants_last(self) -> bool:
        """Whether the body has to read token by token, so that there is a last one which knows of all."""
        return False

    @property
    def wants_tokens(self) -> bool:
        """Whether it needs the token vectors of the input layer."""
        return False

    def __call__(self, h_BLD: jax.Array, batch: dict[str, Any], input_layer: nn.Module) -> jax.Array:
        """float32 logits; `h_BLD` has the place of [CLS] too where one was asked for."""
        raise NotImplementedError
