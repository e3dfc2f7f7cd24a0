"""The interface of a position encoding, and the dimension key of the whole package.

B batch · L query length · M key length · D model width · H heads · K head width (D/H) · F hidden width of the
feed-forward layer · V vocabulary · R rows of a table · C frequencies · S seeds · N anything that is counted

An encoding is one linen module whose hooks default to the identity; it implements those that it needs.
Positions are int32 arguments, `pos_BL`, with a leading 1 where all rows of a batch share them. Angles, biases and
scores are float32 whatever the activations are, because bfloat16 cannot tell position 256 from 257.
"""

from typing import ClassVar, Literal, NamedTuple

import flax.linen as nn
import jax

Role = Literal['query', 'key']


class Block(NamedTuple):
    """What `score` may look at: one block of keys, and all queries.

    `q_BLHK` is rotated and already divided by sqrt(K), so that a term q·a comes out on the scale of the logits.
    """

    q_BLHK: jax.Array
    k_BMHK: jax.Array
    pos_q_BL: jax.Array
    pos_k_BM: jax.Array


class PositionEncoding(nn.Module):
    """Base of all encodings: hooks that do nothing, and the claims that the contract suite holds an encoding to.

    The three dimensions are set by the model; every other field of a subclass is an option of `config.encoding`.
    """

    width: int | None = None
    heads: int | None = None
    head_width: int | None = None

    # Adding one number to all positions changes no output.
    shift_invariant: ClassVar[bool] = True
    # Tells tokens apart only through the causal mask.
    causal_only: ClassVar[bool] = False
    # Each layer owns a copy of the parameters; otherwise all layers share one. Has no `embed`.
    per_layer: ClassVar[bool] = False
    # Rotations work on pairs of channels of a head, sinusoids on pairs of channels of the model.
    even_head_width: ClassVar[bool] = False
    even_width: ClassVar[bool] = False

    def embed(self, x_BLD: jax.Array, pos_BL: jax.Array) -> jax.Array:
        """Combines token vectors with positions, once, below the first layer."""
        return x_BLD

    def rotate(self, x_BLHK: jax.Array, pos_BL: jax.Array, role: Role) -> jax.Array:
        """Maps queries or keys before their dot product. The result may be wider than K, the same for both roles."""
        return x_BLHK

    def bias(self, pos_q_BL: jax.Array, pos_k_BM: jax.Array) -> jax.Array | None:
        """An additive term of positions alone, float32 [B, H, L, M], added after the 1/sqrt(K) scale."""
        return None

    def score(self, logits_BHLM: jax.Array, block: Block) -> jax.Array:
        """Changes the logits of one block by content and positions, after scale and bias."""
        return logits_BHLM

    def declare(self) -> None:
        """Does nothing, except that linen runs `setup` first: the way to the parameters of any encoding."""

    # Not wrapped by linen, which would create the parameters a second time in the scope of whoever holds the encoding.
    @nn.nowrap
    def init_params(self, rng: jax.Array) -> dict:
        """The encoding's own parameters; an empty dict where it has none."""
        return self.clone(parent=None).init(rng, method='declare').get('params', {})

    @nn.nowrap
    def with_params(self, params: dict) -> 'PositionEncoding':
        """This encoding with its parameters bound, so that its hooks can be called."""
        return self.clone(parent=None).bind({'params': params})
