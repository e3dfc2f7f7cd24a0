"""Fading channels: by hand, open and shut gates, and the anchors that keep exponents small."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.encodings import wall
from posbench.encodings.parts import running
from tests.encodings import small

WIDTH, HEADS, LENGTH = 8, 2, 20


def draw(*shape, seed):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def attended(name, params, **options):
    encoding = encodings.build(name, **options).sized(WIDTH, HEADS).with_params(params)
    q, k, v = (draw(2, LENGTH, HEADS, WIDTH // HEADS, seed=seed) for seed in range(3))
    return small.attended(encoding, q, k, v, draw(2, LENGTH, WIDTH, seed=3), small.positions(2, LENGTH))


def faded_products(q, k, total):
    total = running.Total(total, jnp.zeros_like(total))
    return wall.faded_products(q, k, total, total)


def exact(q, k, total):
    """Of one head, pair by pair, in float64."""
    q, k, total = (x[0, :, 0].astype(np.float64) for x in (q, k, total))
    fading = np.exp(np.minimum(total[:, None] - total[None], 0.0))
    return np.einsum('LK,MK,LMK->LM', q, k, fading)


def test_each_channel_fades_by_itself():
    """P falls by log 2 in channel 0 and by log 3 in channel 1: keys of ones, one and two tokens back."""
    total = np.cumsum(np.tile(-np.log([2.0, 3.0]), (3, 1)), axis=0)[None, :, None].astype(np.float32)
    one = np.ones((1, 3, 1, 2), np.float32)
    got = faded_products(one, one, total)[0, 0, 2]
    np.testing.assert_allclose(got, [1 / 4 + 1 / 9, 1 / 2 + 1 / 3, 2], rtol=1e-6)


def test_open_gates_are_no_encoding():
    params = {'weight': jnp.zeros((WIDTH, WIDTH)), 'bias': jnp.full(WIDTH, 30.0)}
    np.testing.assert_allclose(attended('wall', params), attended('none', {}), rtol=0, atol=1e-6)


def test_with_open_channels_the_scalar_gate_is_the_forgetting_transformer():
    gate = {'weight': draw(WIDTH, HEADS, seed=4), 'bias': draw(HEADS, seed=5)}
    params = {'weight': jnp.zeros((WIDTH, WIDTH)), 'bias': jnp.full(WIDTH, 30.0)}
    params |= {f'scalar_{name}': value for name, value in gate.items()}
    got = attended('wall', params, scalar_gate=True)
    np.testing.assert_allclose(got, attended('fox', gate), rtol=0, atol=1e-6)


def test_a_sink_takes_the_share_of_a_key_whose_value_is_0():
    """Without content all logits are 0: a sink of log 3 counts as three keys more."""
    params = {'weight': jnp.zeros((WIDTH, WIDTH)), 'bias': jnp.full(WIDTH, 30.0)}
    params['sink'] = jnp.log(jnp.asarray([3.0, 1.0]))
    encoding = encodings.build('wall', sinks=True).sized(WIDTH, HEADS).with_params(params)
    zero, one = jnp.zeros((1, LENGTH, HEADS, WIDTH // HEADS)), jnp.ones((1, LENGTH, HEADS, WIDTH // HEADS))
    seen_L = 1 + np.arange(LENGTH)
    for block_size in (None, 6):
        x, pos = jnp.zeros((1, LENGTH, WIDTH)), small.positions(1, LENGTH)
        got = small.attended(encoding, zero, zero, one, x, pos, block_size=block_size)[0, :, :, 0]
        np.testing.assert_allclose(got, np.stack([seen_L / (seen_L + 3), seen_L / (seen_L + 1)], axis=1), rtol=1e-6)


@pytest.mark.parametrize('steepest', [0.01, 1.0, 4.0])
def test_products_of_many_keys_are_exact_up_to_rounding(steepest):
    """Gates from 1 down to exp(-4): P falls by 64 over the 32 keys of an anchor, and below -300."""
    length = 200
    q, k = draw(1, length, 1, 4, seed=0), draw(1, length, 1, 4, seed=1)
    fall = steepest * np.random.default_rng(2).random((1, length, 1, 4))
    total = -np.cumsum(fall, axis=1).astype(np.float32)
    past = np.tril(np.ones((length, length), bool))
    got = np.where(past, faded_products(q, k, total)[0, 0], 0)
    np.testing.assert_allclose(got, np.where(past, exact(q, k, total), 0), rtol=0, atol=1e-4)


@pytest.mark.parametrize('fall', [30.0, 1e4])
def test_shut_gates_leave_a_token_itself_and_nothing_that_is_large_or_not_finite(fall):
    length = 100
    q, k = draw(1, length, 1, 4, seed=0), draw(1, length, 1, 4, seed=1)
    past = np.tril(np.ones((length, length), bool))

    def products(q, k, total):
        return jnp.where(past, faded_products(q, k, total)[0, 0], 0.0)

    total = -fall * np.arange(1, length + 1, dtype=np.float32)[None, :, None, None] * np.ones((1, 1, 1, 4), np.float32)
    got = products(q, k, total)
    np.testing.assert_allclose(np.diag(got), np.diag(exact(q, k, total)), rtol=1e-4)
    assert (np.abs(got) <= np.abs(q[0, :, 0]) @ np.abs(k[0, :, 0]).T + 1e-4).all()
    gradients = jax.grad(lambda *arguments: jnp.sin(products(*arguments)).sum(), argnums=(0, 1, 2))(q, k, total)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
