"""Angles are exact wherever a position is: against fractions, of which none is rounded."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.encodings.parts import angles, running, spectra
from posbench.models import attention
from tests.gradients import draw, same, with_gradients

TWO_PI = Fraction('6.283185307179586476925286766559005768394338798750211641949')
PLACES = [0, 1, 4095, 100_000, -100_000, 1_000_003, -1_000_003, 2**24 - 1]
FARTHEST = [2**31 - 1, -(2**31)]
# Rounding of the angle, at most half a turn, and of its sine.
FLOAT32 = 3e-7


def exact(pos, omega) -> tuple[np.ndarray, np.ndarray]:
    """cos and sin of all products, [positions, frequencies]."""
    turned = [[float(Fraction(float(p)) * Fraction(float(w)) % TWO_PI) for w in omega] for p in pos]
    return np.cos(turned), np.sin(turned)


def errors(pos, omega) -> float:
    got = jax.jit(angles.waves)(jnp.asarray(pos)[:, None], jnp.asarray(omega))
    return _largest(got, exact(pos, omega))


def _largest(got, wanted) -> float:
    return max(float(np.abs(g - w).max()) for g, w in zip(got, wanted))


@pytest.mark.parametrize('theta', [0.01, 10.0, 10_000.0, 500_000.0, 1e9])
def test_every_whole_position_has_its_angle(theta):
    omega = spectra.geometric(theta, 64)
    for pos, tolerance in ((PLACES, FLOAT32), (FARTHEST, 2 * FLOAT32 * max(1.0, omega.max()))):
        pos = np.array(pos, np.int32)

        def waves(pos):
            return angles.waves(pos[:, None], omega)

        for run in (waves, jax.jit(waves)):
            assert _largest(run(jnp.asarray(pos)), exact(pos, omega)) < tolerance


def test_so_it_has_at_a_frequency_that_is_learned():
    """pi as a float32 is nearly half a turn, which is where whole units wrap around."""
    omega = np.array([1.0, -1.0, np.pi, -np.pi, 2 * np.pi, 1e-12, -3e-6, 0.7, 6.25, 300.0, 0.0], np.float32)
    assert errors(np.array(PLACES[:-1], np.int32), omega) < FLOAT32


def test_a_place_between_two_positions_has_its_angle_too():
    """A float32 itself is exact there; the position is not rounded once more."""
    pos = np.array([0.25, -0.25, 4095.9, -100_000.4, 1_000_003.1], np.float32)
    omega = spectra.geometric(10_000.0, 64)
    got = jax.jit(lambda pos: angles.waves(pos[:, None], omega))(pos)
    assert _largest(got, exact(pos, omega)) < FLOAT32
    assert errors(pos, np.float32(omega)) < FLOAT32


def test_a_float32_product_would_be_off():
    pos, omega = np.array([1_000_003], np.int32), spectra.geometric(10_000.0, 64)
    product = np.float32(pos)[:, None] * np.float32(omega)
    assert _largest((np.cos(product), np.sin(product)), exact(pos, omega)) > 1e-3


def test_gradients_are_those_of_the_product():
    pos, omega = 40 * draw(5, 1), draw(1, 4, seed=1)

    def seen(angle):
        return jnp.stack([jnp.cos(angle), jnp.sin(angle)])

    wanted = with_gradients(lambda pos, omega: seen(pos * omega), pos, omega)
    same(with_gradients(lambda pos, omega: seen(angles.angles(pos, omega)), pos, omega), wanted)
    whole = np.round(pos)
    (_, wanted), got = (
        with_gradients(lambda omega: seen(whole * omega), omega),
        with_gradients(lambda omega: seen(angles.angles(whole.astype(np.int32), omega)), omega),
    )
    same(got[1], wanted)


def test_a_running_sum_turns_by_what_a_float32_does_not_hold_of_it():
    steps = np.abs(draw(1, 300, 1)) * 1000
    exactly = np.cumsum(steps.astype(np.float64), axis=1)[0, :, 0]
    omega = spectra.geometric(100.0, 16)

    @jax.jit
    def waves(steps):
        return angles.waves(running.total(steps, attention.sequence_order(300)), omega)

    # Three sums of angles, each of them rounded.
    assert _largest((wave[0] for wave in waves(steps)), exact(exactly, omega)) < 2 * FLOAT32


def test_frequencies_add_up():
    known, learned, pos = spectra.geometric(100.0, 16), draw(8), np.array(PLACES[:-1], np.int32)
    both = angles.added(angles.frequency(known), angles.frequency(jnp.asarray(learned)))
    got = angles.waves(jnp.asarray(pos)[:, None], both)
    assert _largest(got, exact(pos, [Fraction(k) + Fraction(float(w)) for k, w in zip(known, learned)])) < 2 * FLOAT32


@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
def test_a_million_tokens_on_queries_turn_by_their_angle_whatever_their_dtype(dtype):
    x, pos = draw(1, 2, 1, 64), np.array([[1_000_003, -100_000]], np.int32)
    rotary = encodings.build('rotary', theta=500_000.0)
    got = jax.jit(lambda x: rotary.rotate(x, jnp.asarray(pos), 'query'))(jnp.asarray(x, dtype)).astype(jnp.float32)
    x = np.asarray(jnp.asarray(x, dtype), np.float64)[0, :, 0]
    cos, sin = exact(pos[0], spectra.geometric(500_000.0, 64))
    a, b = np.split(x, 2, axis=-1)
    wanted = np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)
    # Of bfloat16 the result alone is rounded.
    np.testing.assert_allclose(got[0, :, 0], wanted, rtol=2**-8 if dtype == 'bfloat16' else 0, atol=2e-6)
