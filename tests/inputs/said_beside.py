"""Say what stands beside each token, which the tokens themselves do not tell."""

import jax
import jax.numpy as jnp

from posbench.tasks import by_row


class Task(by_row.ByRow):
    features = 4

    def row(self, key, length):
        of_inputs, of_features = jax.random.split(key)
        inputs_L = jax.random.randint(of_inputs, (length,), 0, self.symbols)
        features_L = jax.random.randint(of_features, (length,), 0, self.features)
        return dict(
            inputs_L=inputs_L, features_L=features_L, targets_L=features_L, weights_L=jnp.ones(length, jnp.float32)
        )
