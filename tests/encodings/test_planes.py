"""Multiples of one generator, plane by plane, are its matrix exponentials; the gradient too, where frequencies meet."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from posbench.encodings.parts import planes
from tests.gradients import draw

AMOUNTS = np.array([0.0, 0.25, -1.5, 3.0], np.float32)


def turning(*frequencies, size=8, seed=0):
    """A skew-symmetric matrix with these frequencies, in planes that lie anyhow."""
    a = np.zeros((size, size))
    for c, frequency in enumerate(frequencies):
        a[2 * c + 1, 2 * c], a[2 * c, 2 * c + 1] = frequency, -frequency
    anyhow, _ = np.linalg.qr(draw(size, size, seed=seed).astype(np.float64))
    return anyhow @ a @ anyhow.T


GENERATORS = {
    'all differ': turning(3.0, 1.7, 0.6, 0.2),
    'a large one': turning(30.0, 4.0, 0.6, 0.2),
    'one channel stays': turning(2.0, 0.7, size=5),
    'three channels': turning(2.0, size=3),
    'two channels': turning(2.0, size=2),
    'planes that stay': turning(2.0, 0.7),
    'two equal': turning(2.0, 2.0, 0.5, 0.1),
    'all equal': turning(1.0, 1.0, 1.0, 1.0),
    'nearly equal': turning(2.0, 2.0 + 5e-6, 0.5, 0.1),
    'nothing turns': np.zeros((8, 8)),
    'along the channels': scipy.linalg.block_diag(*[[[0, -1], [1, 0]]] * 4),
}


def loss(generator_II, q_LI, k_LI, amount_L, heard_LM):
    amount_BLN = amount_L[None, :, None]
    turns = planes.waves([amount_L[None]], jnp.ones((1, 1)), generator_II[None])
    q, k = (planes.rotate(x[None, :, None], amount_BLN, generator_II[None], turns)[0, :, 0] for x in (q_LI, k_LI))
    return jnp.vdot(heard_LM, jnp.einsum('LI,MI->LM', q, k, precision='highest'))


def wanted(generator_II, q_LI, k_LI, amount_L, heard_LM):
    """The same and its gradients in float64, by the matrix exponential and its Fréchet derivative."""
    turn_LII = np.stack([scipy.linalg.expm(s * generator_II) for s in amount_L])
    q, k = (np.einsum('LIJ,LJ->LI', turn_LII, x) for x in (q_LI, k_LI))
    d_q, d_k = heard_LM @ k, heard_LM.T @ q
    d_turn_LII = np.einsum('LI,LJ->LIJ', d_q, q_LI) + np.einsum('LI,LJ->LIJ', d_k, k_LI)
    d_scaled_LII = [
        scipy.linalg.expm_frechet(s * generator_II.T, d, compute_expm=False) for s, d in zip(amount_L, d_turn_LII)
    ]
    d_generator_II = sum(s * d for s, d in zip(amount_L, d_scaled_LII))
    # Along skew-symmetric matrices: nothing else may change.
    gradients = (
        (d_generator_II - d_generator_II.T) / 2,
        np.einsum('LIJ,LI->LJ', turn_LII, d_q),
        np.einsum('LIJ,LI->LJ', turn_LII, d_k),
        np.array([np.vdot(generator_II, d) for d in d_scaled_LII]),
    )
    return np.vdot(heard_LM, q @ k.T), gradients


def close(got, wanted):
    for x, y in zip(jax.tree.leaves(got), jax.tree.leaves(wanted)):
        assert np.abs(x - y).max() <= 1e-5 * max(1, np.abs(y).max())


def arguments(name):
    generator = GENERATORS[name]
    size = len(generator)
    q, k, heard = draw(4, size, seed=1), draw(4, size, seed=2), draw(4, 4, seed=3)
    return np.asarray(generator, np.float32), q, k, AMOUNTS, heard


def skew_part(gradients):
    d_generator_II, *others = gradients
    return ((d_generator_II - jnp.swapaxes(d_generator_II, -1, -2)) / 2, *others)


@pytest.mark.parametrize('name', GENERATORS)
def test_values_and_gradients_are_those_of_the_matrix_exponential(name):
    given = arguments(name)
    value, gradients = jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2, 3)))(*given)
    close((value, skew_part(gradients)), wanted(*(np.asarray(x, np.float64) for x in given)))


@pytest.mark.parametrize('times', [0.9, 1.1])
def test_the_gradient_at_the_border_of_what_counts_as_equal(times):
    """As far off as the docstring says."""
    apart = times * planes.CLOSE / AMOUNTS.max()
    gradient = jax.jit(jax.grad(loss, argnums=(0,)))
    for seed in range(6):
        generator = turning(2.0, 2.0 + apart, 0.5, 0.1, seed=seed).astype(np.float32)
        others = [draw(*x.shape, seed=10 * seed + n) for n, x in enumerate(arguments('all differ')[1:])]
        others[2] = AMOUNTS
        (got, *_) = skew_part(gradient(generator, *others))
        _, (expected, *_) = wanted(*(np.asarray(x, np.float64) for x in (generator, *others)))
        assert np.abs(got - expected).max() < 3e-4 * np.abs(expected).max()


def test_generators_side_by_side():
    """Each by itself: where frequencies of one are equal, the others are not touched."""
    names = ['all differ', 'two equal', 'nothing turns', 'a large one']
    given = [np.stack(parts) for parts in zip(*map(arguments, names))]
    value, gradients = jax.jit(jax.vmap(jax.value_and_grad(loss, argnums=(0, 1, 2, 3))))(*given)
    for n, name in enumerate(names):
        got = value[n], tuple(part[n] for part in skew_part(gradients))
        close(got, wanted(*(np.asarray(x, np.float64) for x in arguments(name))))


@pytest.mark.parametrize('name', GENERATORS)
def test_the_basis_is_orthonormal_and_takes_the_generator_apart(name):
    generator = GENERATORS[name]
    basis = np.asarray(planes.basis(jnp.asarray(generator, jnp.float32)[None])[0], np.float64)
    size, count = len(generator), len(generator) // 2
    np.testing.assert_allclose(basis.T @ basis, np.eye(size), rtol=0, atol=2e-6)
    seen = basis.T @ generator @ basis
    speed = seen[range(count, 2 * count), range(count)]
    # In either sense, the fastest first.
    assert (np.diff(np.abs(speed)) < 1e-5).all()
    apart = np.zeros((size, size))
    apart[range(count, 2 * count), range(count)], apart[range(count), range(count, 2 * count)] = speed, -speed
    np.testing.assert_allclose(seen, apart, rtol=0, atol=3e-6 * max(1, np.abs(generator).max()))
