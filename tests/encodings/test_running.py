"""Sums of tokens so far and of later keys, and the logarithm of a sigmoid, gradients included."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench.encodings.parts import running
from posbench.models import attention
from tests.gradients import draw, same, with_gradients

SEGMENTS = np.repeat(np.array([[0, 1, -1], [-1, 4, 5]], np.int32), (100, 137, 3), axis=1)
# What a sum in float32 forgets: -100 at every second token, and one that has forgotten everything.
GATES = {
    'gentle': np.full((2, 240, 3), -0.1, np.float32),
    'of both signs': 30 * draw(2, 240, 3),
    'every second one shut': np.where(np.arange(240)[:, None] % 2, -np.abs(draw(2, 240, 3)), np.float32(-100)),
    'one shut for good': np.where(np.arange(240)[:, None] == 5, np.float32(-1e6), -np.abs(draw(2, 240, 3))),
}


@pytest.mark.parametrize('segments', [None, SEGMENTS], ids=['one', 'segments'])
@pytest.mark.parametrize('name', GATES)
def test_two_sums_know_what_lies_between_them(name, segments):
    """Pair by pair to what a float32 holds of the difference itself, however large the sums are."""
    gates, order = GATES[name], attention.sequence_order(240, segments)

    @jax.jit
    def differences(gates):
        total = running.total(gates, order)
        later, earlier = jax.tree.map(lambda x: x[:, :, None], total), jax.tree.map(lambda x: x[:, None], total)
        return running.between(later, earlier)

    exact = np.cumsum(gates.astype(np.float64), axis=1)
    exact = exact[:, :, None] - exact[:, None]
    same_BMM = np.ones((2, 240, 240), bool) if segments is None else segments[:, :, None] == segments[:, None]
    real_BM = np.ones((2, 240), bool) if segments is None else segments >= 0
    seen_BMM = np.tril(same_BMM) & real_BM[:, :, None]
    error = np.abs(differences(gates) - exact)[seen_BMM]
    assert (error <= 2e-6 + 2.0**-22 * np.abs(exact[seen_BMM])).all()


def test_the_gradient_of_a_sum_is_that_of_a_sum():
    x, order = draw(2, 240, 3), attention.sequence_order(240, SEGMENTS)
    past = np.tril(SEGMENTS[:, :, None] == SEGMENTS[:, None]) & (SEGMENTS >= 0)[:, :, None]
    got = with_gradients(lambda x: sum(running.total(x, order)), x)
    same(got, with_gradients(lambda x: jnp.einsum('BLM,BMC->BLC', past, x, precision='highest'), x))


@pytest.mark.parametrize('length', [1, 2, running.FEW, running.FEW + 1, 3 * running.FEW - 1, 20 * running.FEW])
def test_above_is_the_sum_of_all_later_numbers(length):
    x = draw(2, 3, length)
    same(with_gradients(running.above, x), with_gradients(lambda x: jax.lax.cumsum(x, 2, reverse=True) - x, x))


def test_log_sigmoid_is_that_of_jax_however_far_out():
    x = np.array([-1e4, -90.0, -20.0, -1e-6, 0.0, 1e-6, 3.0, 20.0, 90.0, 1e4], np.float32)
    same(with_gradients(running.log_sigmoid, x), with_gradients(jax.nn.log_sigmoid, x), 1e-6)
    np.testing.assert_allclose(running.log_sigmoid(x), jax.nn.log_sigmoid(x), rtol=1e-6)
    near = np.linspace(-30, 30, 4001, dtype=np.float32)
    np.testing.assert_allclose(running.log_sigmoid(near), -np.logaddexp(0, -near.astype(np.float64)), rtol=1e-6)
