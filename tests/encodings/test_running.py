"""Sums over later keys, and the logarithm of a sigmoid, are the plain ones, gradients included."""

import jax
import numpy as np
import pytest

from posbench.encodings.parts import running
from tests.gradients import draw, same, with_gradients


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
