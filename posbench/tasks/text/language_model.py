"""Next-token prediction on windows of a text, cut at random places."""

import flax.struct
import jax
import jax.numpy as jnp


@flax.struct.dataclass
class Task:
    """Windows of a stream of tokens. A pytree, so that the tokens are an argument of a compiled step, not a constant.

    With `end_of_document` set, attention and positions stay within a document: batches then carry segment ids.
    """

    tokens_N: jax.Array
    end_of_document: int | None = flax.struct.field(pytree_node=False, default=None)

    def sample(self, rng: jax.Array, batch_size: int, length: int) -> dict[str, jax.Array]:
        """inputs_BL, targets_BL (int32), weights_BL (float32), and segment_ids_BL where documents are kept apart."""
        return self.batch(self.starts(rng, batch_size, length), length)

    def starts(self, rng: jax.Array, batch_size: int, length: int) -> jax.Array:
        """First tokens of the windows, int32 [B], uniform over all places where a window and its last target fit."""
        return jax.random.randint(rng, (batch_size,), 0, self.tokens_N.shape[0] - length, dtype=jnp.int32)

    def batch(self, start_B: jax.Array, length: int) -> dict[str, jax.Array]:
        """The windows at these starts."""
        window_BL = self.tokens_N[start_B[:, None] + jnp.arange(length + 1, dtype=jnp.int32)]
        return as_batch(window_BL, self.end_of_document)


def as_batch(window_BL: jax.Array, end_of_document: int | None = None) -> dict[str, jax.Array]:
    """A batch out of windows of length + 1 tokens."""
    batch = dict(
        inputs_BL=window_BL[:, :-1],
        targets_BL=window_BL[:, 1:],
        weights_BL=jnp.ones(window_BL[:, 1:].shape, jnp.float32),
    )
    if end_of_document is not None:
        ends_BL = jnp.pad(batch['inputs_BL'][:, :-1] == end_of_document, ((0, 0), (1, 0)))
        batch['segment_ids_BL'] = jnp.cumsum(ends_BL, axis=1, dtype=jnp.int32)
        # The first token of the next document cannot be told from this one.
        batch['weights_BL'] = (batch['inputs_BL'] != end_of_document).astype(jnp.float32)
    return batch
