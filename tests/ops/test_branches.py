"""A choice among functions: values and gradients of the one that is taken, and nothing of the others."""

import jax
import jax.numpy as jnp
import numpy as np

from posbench.ops import branches

WEIGHT, X, PLACES = np.float32(1.5), np.arange(1, 5, dtype=np.float32), np.array([3, 1], np.int32)


def chosen(switch, index, weight, x):
    """One of three functions, of which two close over a weight and one reads whole numbers."""
    functions = (
        lambda x, places: {'y': x},
        lambda x, places: {'y': weight * x**2},
        lambda x, places: {'y': x.at[places].add(weight)},
    )
    return switch(index, functions, x, PLACES)['y']


def test_values_and_gradients_are_those_of_jax():
    for index in range(3):

        def run(switch, weight, x, index=index):
            value, back = jax.vjp(lambda weight, x: chosen(switch, jnp.int32(index), weight, x), weight, x)
            return value, back(jnp.cos(jnp.asarray(X)))

        ours, wanted = (
            jax.jit(run, static_argnums=0)(switch, WEIGHT, X) for switch in (branches.switch, jax.lax.switch)
        )
        jax.tree.map(np.testing.assert_array_equal, ours, wanted)


def test_it_works_in_a_scan_that_is_computed_anew():
    def loss(switch, weight):
        @jax.checkpoint
        def step(x, index):
            return chosen(switch, index, weight, x), None

        return jax.lax.scan(step, X, jnp.array([1, 0, 2, 1]))[0].sum()

    ours, wanted = (
        jax.jit(jax.grad(lambda w, switch=s: loss(switch, w)))(WEIGHT) for s in (branches.switch, jax.lax.switch)
    )
    np.testing.assert_allclose(ours, wanted, rtol=1e-6)


def test_a_branch_that_does_nothing_writes_nothing_for_the_others():
    """The backward pass of a scan holds less than with jax's own, whose branches all write what each would need."""

    def loss(switch, x_N):
        def step(x_N, index):
            functions = (lambda x: x, lambda x: jnp.sin(jnp.outer(x, x)).sum(axis=1))
            return switch(index, functions, x_N), None

        return jax.lax.scan(step, x_N, jnp.zeros(8, jnp.int32))[0].sum()

    def scratch(switch):
        x_N = jax.ShapeDtypeStruct((256,), jnp.float32)
        program = jax.jit(jax.grad(lambda x_N: loss(switch, x_N))).lower(x_N).compile()
        return program.memory_analysis().temp_size_in_bytes

    assert scratch(branches.switch) < 0.6 * scratch(jax.lax.switch)
