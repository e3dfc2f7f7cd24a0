"""Reflections between query and key: by hand, one by one, in parts, and where they are nothing."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.encodings import base, path
from posbench.models import attention
from tests.encodings import small

HEADS, WIDTH = 2, 8


def draw(*shape, seed):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def unit(w):
    return w / np.linalg.norm(w, axis=-1, keepdims=True)


def tokens(length, width=4):
    """Queries, keys, unit vectors and strengths of one sequence."""
    q, k, w = (draw(1, length, HEADS, width, seed=seed) for seed in range(3))
    return q, k, unit(w), 2 * np.random.default_rng(3).random((1, length, HEADS)).astype(np.float32)


def past(length):
    return np.tril(np.ones((1, length, length), bool))


def one_by_one(q, k, w, beta):
    """q_i · H_i ... H_(j+1) k_j by its definition, float64 [B, H, L, M]."""
    length, heads, width = q.shape[1:]
    out = np.zeros((1, heads, length, length))
    for h, i in np.ndindex(heads, length):
        turned = q[0, i, h].astype(np.float64)
        for j in reversed(range(i + 1)):
            out[0, h, i, j] = turned @ k[0, j, h]
            turned = turned @ (np.eye(width) - beta[0, j, h] * np.outer(w[0, j, h], w[0, j, h]))
    return out


def test_a_reflection_turns_a_query_around():
    """beta = 2, w = (1, 0): H = diag(-1, 1) lies between key 0 and query 1, and no reflection before key 1."""
    k = np.array([[[[3.0, 5.0]], [[3.0, 5.0]]]], np.float32)
    q, w = np.ones((1, 2, 1, 2), np.float32), np.tile(np.array([1.0, 0.0], np.float32), (1, 2, 1, 1))
    logits, carry = path.through_reflections(q, k, w, np.full((1, 2, 1), 2.0, np.float32), past(2))
    np.testing.assert_allclose(logits[0, 0, 1], [-3 + 5, 3 + 5], rtol=1e-6)
    # Behind both tokens the second query was reflected twice, the first once.
    np.testing.assert_allclose(carry[0, :, 0], [[-1, 1], [1, 1]], rtol=1e-6)


def test_a_block_of_reflections_is_their_product_one_by_one():
    length = 50
    logits, _ = path.through_reflections(*tokens(length), past(length))
    np.testing.assert_allclose(np.where(past(length), logits, 0), one_by_one(*tokens(length)), rtol=0, atol=1e-5)


def products(q, k, w, beta):
    """The logits of one block of keys, however long."""
    length = q.shape[1]
    block = base.Block(q, k, None, None, None, {'w': w, 'beta': beta}, past(length))
    encoding = encodings.build('path')
    return np.where(past(length), encoding.product(block, encoding.first_carry(q))[0], 0)


@pytest.mark.parametrize('length', [32, 33, 150])
def test_a_block_that_is_taken_in_parts_is_their_product_too(length):
    np.testing.assert_allclose(products(*tokens(length)), one_by_one(*tokens(length)), rtol=0, atol=1e-5)


@pytest.mark.parametrize('size', [1, 2, 5, 32, 48])
def test_the_inverse_and_its_gradient_are_those_of_a_solver(size):
    above, heard = np.triu(draw(2, size, size, seed=0), 1), draw(2, size, size, seed=1)
    above = (above / size**0.5).astype(np.float64)
    wanted = np.linalg.inv(np.eye(size) + above)
    np.testing.assert_allclose(path.inverse(jnp.asarray(above, jnp.float32)), wanted, rtol=0, atol=1e-5)
    got = jax.grad(lambda above: jnp.vdot(path.inverse(above), heard))(jnp.asarray(above, jnp.float32))
    wanted = np.triu(-wanted.swapaxes(1, 2) @ heard @ wanted.swapaxes(1, 2), 1)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5 * max(1, np.abs(wanted).max()))


def test_one_mirror_at_every_token_is_exact_up_to_the_rounding_of_that_many_reflections():
    """The hardest system: an even number of these reflections is nothing, an odd number is one of them."""
    q, k, w, _ = tokens(80)
    w, beta = np.broadcast_to(w[:, :1], w.shape), np.full((1, 80, HEADS), 2.0, np.float32)
    np.testing.assert_allclose(products(q, k, w, beta), one_by_one(q, k, w, beta), rtol=0, atol=80 * 2e-6)


def sized(**options):
    return encodings.build('path', **options).sized(WIDTH, HEADS)


def params(encoding):
    shapes = jax.eval_shape(encoding.init_params, jax.random.key(0))
    return {name: jnp.asarray(draw(*leaf.shape, seed=7)) for name, leaf in sorted(shapes.items())}


@functools.partial(jax.jit, static_argnames=('encoding', 'block_size'))
def attended(encoding, params, block_size=None):
    q, k, v = (draw(2, 20, HEADS, WIDTH // HEADS, seed=seed) for seed in range(3))
    x, bound = draw(2, 20, WIDTH, seed=3), encoding.with_params(params)
    return small.attended(bound, q, k, v, x, small.positions(2, 20), block_size=block_size)


@pytest.mark.parametrize('gone', ['beta', 'w'])
def test_without_reflections_it_is_no_encoding(gone):
    own = params(sized())
    if gone == 'beta':
        own |= {'beta_weight': jnp.zeros((WIDTH, HEADS)), 'beta_bias': jnp.full(HEADS, -40.0)}
    else:
        own |= {'up': jnp.zeros_like(own['up'])}
    none = encodings.build('none').sized(WIDTH, HEADS)
    np.testing.assert_allclose(attended(sized(), own), attended(none, {}), rtol=0, atol=1e-6)


def test_gates_alone_are_the_forgetting_transformer():
    own = params(sized(gate=True)) | {'down': jnp.zeros((WIDTH, 32))}
    gates = {'weight': own['gate_weight'], 'bias': own['gate_bias']}
    forgetting = encodings.build('fox').sized(WIDTH, HEADS)
    np.testing.assert_allclose(attended(sized(gate=True), own), attended(forgetting, gates), rtol=0, atol=1e-6)


def test_the_gate_is_that_of_a_chain_with_the_forgetting_transformer():
    own = params(sized(gate=True))
    gates = {'weight': own['gate_weight'], 'bias': own['gate_bias']}
    rest = {name: value for name, value in own.items() if not name.startswith('gate')}
    chain = encodings.build('chain', first='path', second='fox').sized(WIDTH, HEADS)
    got = attended(chain, {'first': rest, 'second': gates}, block_size=6)
    np.testing.assert_allclose(got, attended(sized(gate=True), own), rtol=0, atol=1e-6)


def test_each_token_has_a_unit_vector_from_itself_and_the_two_before_it():
    encoding = sized().with_params(params(sized()))
    x, order = draw(1, 9, WIDTH, seed=3), attention.sequence_order(9)
    w = encoding.accumulate(encoding.aux(x, None), None, order)['w']
    # TINY under the root shortens a vector that was short before.
    length = np.linalg.norm(w, axis=-1)
    assert length.min() > 0.999 and length.max() < 1 + 1e-6
    changed = x + np.eye(9)[4][None, :, None]
    moved = np.abs(encoding.accumulate(encoding.aux(changed, None), None, order)['w'] - w).max(axis=(0, 2, 3))
    np.testing.assert_array_equal(moved > 1e-4, np.isin(np.arange(9), [4, 5, 6]))
