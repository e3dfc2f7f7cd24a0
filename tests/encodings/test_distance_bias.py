"""A bias that is tabulated by distance is the bias of all pairs, values and gradients, for any positions."""

import functools
import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import encodings
from posbench.encodings.parts import distance_bias

HEADS, TOLERANCE = 3, 2e-4


def run(first, count):
    """Consecutive positions from `first`."""
    return np.arange(first, first + count, dtype=np.int32)[None]


def rows(*firsts):
    """A row of five consecutive positions from each of `firsts`."""
    return np.concatenate([run(first, 5) for first in firsts])


def drawn(count, rows, seed):
    return np.random.default_rng(seed).integers(0, 90, (rows, count), dtype=np.int32)


GAP = run(0, 7) + (np.arange(7, dtype=np.int32) > 3)
# Name -> positions of queries, positions of keys, whether each distance has to be evaluated only once.
PLACES = {
    'a sequence': (run(0, 7), run(0, 7), True),
    'queries at an offset': (run(12, 4), run(0, 9), True),
    'a block of later keys': (run(0, 5), run(10, 3), True),
    'one key': (run(6, 4), run(2, 1), True),
    'rows at places of their own': (rows(3, 50), rows(3, 50), True),
    'queries shared by all rows': (run(4, 3), rows(0, 0), True),
    'rows of offsets of their own': (rows(3, 4), rows(0, 0), False),
    'a gap among the keys': (run(0, 7), GAP, False),
    'rows alike, with a gap': (rows(0, 0), np.repeat(GAP, 2, axis=0), False),
    'falling': (run(0, 5)[:, ::-1], run(0, 5)[:, ::-1], False),
    'drawn': (drawn(5, 2, 0), drawn(6, 2, 1), False),
    'continuous': (run(0, 5).astype(np.float32) + np.float32(0.5), run(0, 5).astype(np.float32), True),
}


def function(params):
    """Not even, so that a sign or an order that is wrong shows."""
    a_H, b_H = params

    def of_distance(distance):
        a, b = (distance_bias.per_head(values_H, distance) for values_H in (a_H, b_H))
        return jnp.sin(a * distance) + b * jnp.tanh(0.1 * distance)

    return of_distance


def parameters(copies=None):
    shape = (2, HEADS) if copies is None else (2, copies, HEADS)
    return tuple(np.random.default_rng(5).normal(size=shape).astype(np.float32))


def of_pairs(params, pos_q, pos_k):
    return jnp.moveaxis(function(params)(pos_q[:, :, None] - pos_k[:, None, :]), 0, 1)


def table(params, pos_q, pos_k, **options):
    return distance_bias.tabulated(function(params), pos_q, pos_k, **options)


def heard(bias):
    return jnp.vdot(np.random.default_rng(6).normal(size=bias.shape).astype(np.float32), bias)


def with_gradient(bias_of):
    """(params, positions of queries and of keys) -> (bias, gradient of a number that hears all of it)."""

    def loss(params, pos_q, pos_k):
        bias = bias_of(params, pos_q, pos_k)
        return heard(bias), bias

    def both(*arguments):
        (_, bias), gradient = jax.value_and_grad(loss, has_aux=True)(*arguments)
        return bias, gradient

    return both


def same(got, wanted):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=0, atol=TOLERANCE), got, wanted)


@pytest.mark.parametrize('wide', [False, True])
@pytest.mark.parametrize('case', PLACES)
def test_values_and_gradients_are_those_of_all_pairs(case, wide):
    pos_q, pos_k, _ = PLACES[case]
    got = jax.jit(with_gradient(functools.partial(table, wide=wide)))(parameters(), pos_q, pos_k)
    same(got, jax.jit(with_gradient(of_pairs))(parameters(), pos_q, pos_k))


def test_they_are_so_without_compilation():
    same(
        with_gradient(table)(parameters(), run(3, 3), run(0, 4)),
        with_gradient(of_pairs)(parameters(), run(3, 3), run(0, 4)),
    )


@pytest.mark.parametrize('case', PLACES)
def test_each_distance_is_evaluated_once_where_positions_are_consecutive(case):
    pos_q, pos_k, once = PLACES[case]

    def marked(distance):
        return jnp.full((1, *distance.shape), float(distance.ndim))

    def pairs(pos_q, pos_k):
        return jnp.full((1, *jnp.broadcast_shapes(pos_q.shape, pos_k.shape)), -1.0)

    got = distance_bias.tabulated(marked, pos_q, pos_k, of_pairs=pairs)
    np.testing.assert_array_equal(got, 1.0 if once else -1.0)
    np.testing.assert_array_equal(distance_bias.tabulated(marked, pos_q, pos_k, of_pairs=pairs, only_if=False), -1.0)


@pytest.mark.parametrize('second, evaluated', [(drawn(5, 1, 2), 1), (drawn(5, 1, 3), 2)])
def test_pairs_are_evaluated_for_one_row_where_all_are_alike(second, evaluated):
    pos_k, calls = np.repeat(drawn(2, 1, 4), 2, axis=0), []

    def pairs(pos_q, pos_k):
        shape = jnp.broadcast_shapes(pos_q.shape, pos_k.shape)
        jax.debug.callback(lambda: calls.append(shape))
        return jnp.zeros((HEADS, *shape))

    pos_q = np.concatenate([drawn(5, 1, 2), second])
    jax.block_until_ready(distance_bias.tabulated(function(parameters()), pos_q, pos_k, of_pairs=pairs, wide=True))
    jax.effects_barrier()
    assert calls == [(evaluated, 5, 2)]


@pytest.mark.parametrize('shared', [True, False])
def test_models_side_by_side_have_the_bias_of_each_alone(shared):
    """Two sets of parameters under vmap; with positions of their own only one of them is consecutive."""
    params, pos = parameters(copies=2), np.stack([run(0, 6), run(0, 6) if shared else 2 * run(0, 6)])
    one, axis = (pos[0], None) if shared else (pos, 0)
    got = jax.jit(jax.vmap(with_gradient(table), in_axes=(0, axis, axis)))(params, one, one)
    for copy in range(2):
        alone = tuple(values[copy] for values in params)
        wanted = jax.jit(with_gradient(of_pairs))(alone, pos[copy], pos[copy])
        same(jax.tree.map(operator.itemgetter(copy), got), wanted)


def test_models_side_by_side_run_one_of_the_two_ways_and_not_both():
    """A condition of its own for each model would become a choice between two results, `select_n`."""
    params, pos = parameters(copies=2), np.stack([run(0, 6), 2 * run(0, 6)])
    program = str(jax.make_jaxpr(jax.vmap(lambda params, pos: table(params, pos, pos)))(params, pos))
    assert ' cond[' in program and 'select_n' not in program


def test_a_toeplitz_matrix_falls_along_its_rows():
    """2 queries and 3 keys: distances 1, 0, -1, -2 from the last query and the first key on."""
    got = distance_bias.toeplitz(jnp.asarray([[10.0, 20.0, 30.0, 40.0]]), 2)
    np.testing.assert_array_equal(got, [[[20, 30, 40], [10, 20, 30]]])
    pos_q, pos_k = run(0, 2), run(0, 3)
    np.testing.assert_array_equal(distance_bias.distances(pos_q, pos_k), [1, 0, -1, -2])


def test_the_breaker_of_alibi_tells_left_from_right():
    """Two heads have slopes 1/16 and 1/256; a key 3 before the query counts as 2.5 away, one 3 after it as 3."""
    alibi = encodings.build('alibi', breaker=0.5).sized(8, 2).with_params({})
    bias = alibi.bias(run(3, 1), run(0, 7))[0, :, 0]
    np.testing.assert_array_equal(16 * bias[0], [-2.5, -1.5, -0.5, 0, -1, -2, -3])
    np.testing.assert_array_equal(256 * bias[1], 16 * bias[0])


def test_learned_slopes_start_at_those_of_alibi():
    pos = run(0, 9)
    plain, learned = (encodings.build('alibi', learned=learned).sized(32, 4) for learned in (False, True))
    params = learned.init_params(jax.random.key(0))
    assert params['log_gain'].shape == (4,)
    np.testing.assert_array_equal(learned.with_params(params).bias(pos, pos), plain.with_params({}).bias(pos, pos))


@pytest.mark.parametrize('backend', ['cpu', 'gpu'])
@pytest.mark.parametrize('length, keys', [(1, 4), (5, 1), (5, 7), (7, 5)])
def test_sums_along_diagonals_are_those_of_a_double_loop(length, keys, backend, monkeypatch):
    monkeypatch.setattr(jax, 'default_backend', lambda: backend)
    x = np.random.default_rng(0).normal(size=(HEADS, length, keys)).astype(np.float32)
    wanted = np.zeros((HEADS, length + keys - 1))
    for query in range(length):
        for key in range(keys):
            wanted[:, length - 1 - query + key] += x[:, query, key]
    np.testing.assert_allclose(distance_bias.along_diagonals(jnp.asarray(x)), wanted, rtol=0, atol=1e-5)
