"""Questions about something that is hidden somewhere: accuracy by where it stood."""

import jax
import jax.numpy as jnp
import numpy as np

from posbench.tasks import base, questions


class Hidden(questions.Said):
    """Base of tasks whose `length` is the tokens of the question, most of them of no use.

    What `places` has is how often an answer was right by the place in the question where it could be read.
    """

    def found(self, inputs_L: jax.Array) -> jax.Array:
        """Where in a row that is read, begin token and all, the answer begins. Traced."""
        raise NotImplementedError

    def place(self, batch: base.Batch) -> jax.Array:
        """[B, L]: of all tokens of an answer the same, from 0 on, the first token of the question."""
        inputs_BL = batch['inputs_BL']
        return jnp.broadcast_to(jax.vmap(self.found)(inputs_BL)[:, None] - 1, inputs_BL.shape)

    def places(self, sums: base.Sums) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Accuracy of tokens by the place where the answer stood."""
        return {'token_accuracy': (sums['right_A'], sums['tokens_A'])}
