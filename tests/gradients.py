"""Values and gradients, to compare two ways of computing the same."""

import jax
import jax.numpy as jnp
import numpy as np


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def with_gradients(function, *arguments):
    """Value, and gradients of a number that hears all of it, in float32."""

    def heard(*arguments):
        value = function(*arguments)
        return jnp.vdot(draw(*value.shape, seed=9), value), value

    # As one program; each operation would be compiled for itself.
    both = jax.jit(jax.value_and_grad(heard, tuple(range(len(arguments))), has_aux=True))
    (_, value), gradients = both(*arguments)
    return jax.tree.map(lambda x: np.asarray(x, np.float32), (value, gradients))


def same(got, wanted, tolerance=2e-5):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance), got, wanted)
